import Foundation

/// A directory of a test's own, 0700, with a path short enough for a control socket beneath it.
package final class TemporaryDirectory: Sendable {
  /// Its absolute path.
  package let path: String

  /// Makes it below the system's directory for temporary files.
  package init() throws {
    let name = String(UInt32.random(in: 0...UInt32.max), radix: 36)
    path = "/tmp/smt-\(name)"
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  }

  deinit {
    // Nothing to do about a failure here; the system clears its temporary files.
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Writes a file below it, with the directories on the way.
  ///
  /// - Parameters:
  ///   - name: Its path, relative to this directory.
  ///   - text: What it holds.
  ///   - mode: Its permissions.
  /// - Returns: Its absolute path.
  /// - Throws: What FileManager throws.
  @discardableResult
  package func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    return file
  }

  /// Makes a directory below it, 0700.
  package func makeDirectory(_ name: String) throws -> String {
    let directory = "\(path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    return directory
  }

  /// The text of a file below it, or `nil` if there is none.
  package func read(_ name: String) -> String? {
    FileManager.default.contents(atPath: "\(path)/\(name)").map { String(decoding: $0, as: UTF8.self) }
  }
}
