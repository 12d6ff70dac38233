import Foundation
import JSON
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What must be true after a fault, whatever it was.
enum Faults {
  /// Files below a directory; empty directories do not count, sockets do.
  static func files(below directory: String) -> [String] {
    let names = FileManager.default.enumerator(atPath: directory)?.allObjects as? [String] ?? []
    return names.filter { name in
      var isDirectory: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: "\(directory)/\(name)", isDirectory: &isDirectory)
      return !(exists && isDirectory.boolValue)
    }
  }

  /// Ends a server by closing its input: it must go, with all that it started and all its run-time files.
  static func expectCleanEnd(of server: ServerUnderTest) async throws {
    let family = ProcessTree.now().descendants(of: server.process.identifier).map(\.identifier)
    server.process.closeInput()
    let record = try await server.process.end(within: .seconds(5))
    #expect(record.ending == .exited(0), "\(record.errorText)")
    try await expectGone(family, server.runtimeDirectory)
  }

  /// None of these processes runs, and no file is in the run-time directory.
  static func expectGone(_ family: [Int32], _ runtimeDirectory: String) async throws {
    try await eventually("the end of all that the server started") {
      !family.contains(where: ProcessTree.isRunning)
    }
    try await eventually("the run-time files to go") { files(below: runtimeDirectory).isEmpty }
  }

  /// The connection itself, `ssh -M`, of a server with one.
  static func master(of server: ServerUnderTest) -> Int32? {
    ProcessTree.now().descendants(of: server.process.identifier).first { $0.commandLine.contains(" -M ") }?
      .identifier
  }

  /// What gives a process a clock of its own when it is loaded before all else.
  static let fakeTimeLibrary = ["/usr/lib/\(machine)-linux-gnu/faketime/libfaketimeMT.so.1"].first {
    FileManager.default.fileExists(atPath: $0)
  }

  private static var machine: String {
    #if arch(arm64)
      "aarch64"
    #else
      "x86_64"
    #endif
  }

  /// The day as logs write it: 2026-11-26.
  static func day(_ date: Date) -> String {
    String(date.formatted(.iso8601).prefix(10))
  }

  /// A small file system in memory at that place for as long as the body runs.
  static func withSmallDisk<Success: Sendable>(
    at path: String, kilobytes: Int, _ body: () async throws -> Success
  ) async throws -> Success {
    try await Fixture.run("mount", ["-t", "tmpfs", "-o", "size=\(kilobytes)k,mode=700", "tmpfs", path])
    let result: Result<Success, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    try await Fixture.run("umount", ["-l", path])
    return try result.get()
  }

  /// Leaves no room in the file system of that directory.
  static func fillDisk(_ directory: String) {
    let file = open("\(directory)/filler", O_WRONLY | O_CREAT, 0o600)
    let page = [UInt8](repeating: 0, count: 4096)
    while page.withUnsafeBytes({ write(file, $0.baseAddress, $0.count) }) > 0 {}
    close(file)
  }
}

extension Trait where Self == ConditionTrait {
  /// Runs the story only where file systems can be mounted.
  static var withMounts: Self {
    .enabled("a file system can be mounted by root only, and not in every container") {
      guard geteuid() == 0 else { return false }
      let place = try TemporaryDirectory()
      do { return try await Faults.withSmallDisk(at: place.path, kilobytes: 16) { true } } catch {
        return false
      }
    }
  }
}
