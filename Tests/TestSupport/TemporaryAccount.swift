import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A real account with a password, made for one test and removed after it; only root can.
package struct TemporaryAccount: Sendable {
  /// Its name; no account of that name existed.
  package let name: String
  /// A part of its password that no quoting or escaping changes, to search for.
  package let canary: String
  /// Its password: random, with characters that quoting mistakes would change.
  package var password: String { "\(canary)-'\"$ \\x" }

  /// Why such accounts cannot be had here, or `nil`: the reason of a skipped test.
  package static var unavailability: String? {
    if geteuid() != 0 { return "a real account with a password can be made by root only" }
    return LoginShell.find("useradd") == nil ? "useradd is missing" : nil
  }

  /// Whether such accounts can be had here.
  package static var isAvailable: Bool { unavailability == nil }

  /// Runs `body` with an account of its own and removes it, its home and its processes afterwards.
  ///
  /// - Parameter body: The test.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws; `FixtureFailure` when the account cannot be made.
  package static func with<Success: Sendable>(
    _ body: (TemporaryAccount) async throws -> Success
  ) async throws -> Success {
    let account = TemporaryAccount(
      name: "smt\(UInt32.random(in: 0...UInt32.max))",
      canary: "canary\(UInt64.random(in: 0...UInt64.max))")
    try await Fixture.run("useradd", ["--create-home", "--shell", "/bin/bash", account.name])
    let result: Result<Success, any Error>
    do {
      try await Fixture.run("chpasswd", [], input: "\(account.name):\(account.password)\n")
      result = .success(try await body(account))
    } catch {
      result = .failure(error)
    }
    // Only this account's processes; userdel refuses while some are left.
    if let pkill = LoginShell.find("pkill") {
      _ = try await TestProcess.run(pkill, ["-KILL", "-u", account.name])
    }
    try await eventually("the end of \(account.name)'s processes") {
      !ProcessTree.now().entries.contains { $0.state != "Z" && Self.owns(account.name, $0.identifier) }
    }
    try await Fixture.run("userdel", ["--force", "--remove", account.name])
    return try result.get()
  }

  private static func owns(_ name: String, _ identifier: Int32) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(atPath: "/proc/\(identifier)")
    return attributes?[.ownerAccountName] as? String == name
  }
}
