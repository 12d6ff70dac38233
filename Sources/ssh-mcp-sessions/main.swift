import ArgumentParser
import OpenSSH

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// ssh starts this very program to ask its questions; then nothing else of it may run.
if let status = AskpassClient.runIfAsked() { exit(status) }
SSHMCPSessions.main()
