import ArgumentParser
import OpenSSH

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// ssh starts this very program to ask its questions; then nothing else of it may run.
if let status = AskpassClient.runIfAsked() { exit(status) }
// Clients start the server without a word, and reading a command line costs more than all that the server does at its
// start (measured).
if CommandLine.argc == 1 {
  do {
    try ServerProcess(Settings()).run()
  } catch {
    SSHMCPSessions.exit(withError: error)
  }
}
SSHMCPSessions.main()
