import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A fixture that the machine cannot provide, with what to do about it.
package struct FixtureFailure: Error, CustomStringConvertible {
  package let description: String

  /// A failure described by a sentence.
  package init(_ description: String) { self.description = description }
}

/// Small steps that fixtures share.
package enum Fixture {
  /// Runs a program found at the usual places.
  ///
  /// - Parameters:
  ///   - program: Its name.
  ///   - arguments: Its arguments.
  ///   - environment: All of it.
  ///   - input: What it can read.
  /// - Returns: Its standard output.
  /// - Throws: `FixtureFailure` when it is missing or fails.
  @discardableResult
  package static func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], input: String = ""
  ) async throws -> String {
    guard let path = LoginShell.find(program) else {
      throw FixtureFailure("\(program) is missing: run scripts/setup")
    }
    let record = try await TestProcess.run(
      path, arguments, environment: environment, input: Array(input.utf8))
    guard record.ending == .exited(0) else {
      throw FixtureFailure("\(program) \(arguments): \(record.text)\(record.errorText)")
    }
    return record.text
  }

  /// Makes an ed25519 key pair at that path, and `.pub` beside it.
  package static func makeKey(_ path: String, passphrase: String = "") async throws {
    try await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", path])
  }

  /// Ports of loopback that nobody listens on, chosen by the kernel; all different.
  package static func freePorts(_ count: Int) throws -> [Int] {
    var sockets: [Int32] = []
    defer { for descriptor in sockets { close(descriptor) } }
    return try (0..<count).map { _ in
      #if canImport(Glibc)
        let stream = Int32(SOCK_STREAM.rawValue)
      #else
        let stream = SOCK_STREAM
      #endif
      let descriptor = socket(AF_INET, stream, 0)
      sockets.append(descriptor)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let status = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
          bind(descriptor, pointer, length) == 0 ? getsockname(descriptor, pointer, &length) : -1
        }
      }
      guard status == 0 else { throw FixtureFailure("no free port on loopback") }
      return Int(UInt16(bigEndian: address.sin_port))
    }
  }
}
