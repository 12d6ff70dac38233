import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A service of PAM (pam.conf(5)) for one sshd of a test's; only root can make one.
package struct PAMService: Sendable {
  /// Its name: that of its file in /etc/pam.d.
  package let name: String

  /// Why there can be none here, or `nil`: the reason of a skipped test.
  package static var unavailability: String? {
    if geteuid() != 0 { return "a PAM service can be made by root only" }
    let isThere = ["/usr/lib", "/lib"].contains { directory in
      let architectures = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      return (architectures + ["."]).contains {
        FileManager.default.fileExists(atPath: "\(directory)/\($0)/security/pam_oath.so")
      }
    }
    return isThere ? nil : "pam_oath.so is missing: run scripts/setup"
  }

  /// Runs `body` with a service of that stack and removes it afterwards.
  ///
  /// - Parameters:
  ///   - stack: Lines of its file.
  ///   - body: The test.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` and FileManager throw.
  package static func with<Success: Sendable>(
    _ stack: [String], _ body: (PAMService) async throws -> Success
  ) async throws -> Success {
    let service = PAMService(name: "smt-\(UInt32.random(in: 0...UInt32.max))")
    let file = "/etc/pam.d/\(service.name)"
    try Data((stack.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    return try await body(service)
  }

  /// What makes an sshd use the service: a program of its name, and from OpenSSH 9.8 on an option.
  ///
  /// - Parameters:
  ///   - sshd: The program.
  ///   - directory: Has the host key; the link is made here.
  /// - Returns: The program to start, and more arguments.
  /// - Throws: What FileManager and `TestProcess` throw.
  func command(_ sshd: String, in directory: TemporaryDirectory) async throws -> (String, [String]) {
    let link = "\(directory.path)/\(name)"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: sshd)
    let option = ["-o", "PAMServiceName=\(name)"]
    let isKnown = try await TestProcess.run(
      sshd, ["-t", "-f", "/dev/null", "-h", "\(directory.path)/host_key"] + option)
    return (link, isKnown.ending == .exited(0) ? option : [])
  }
}
