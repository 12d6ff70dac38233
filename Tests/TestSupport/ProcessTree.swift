import Foundation

/// What /proc tells about processes (proc(5)); empty on systems without it.
package struct ProcessTree: Sendable {
  /// One process.
  package struct Entry: Sendable, Hashable {
    package let identifier: Int32
    package let parent: Int32
    /// One letter: R, S, T, Z, ...
    package let state: String
    /// The arguments, joined by blanks.
    package let commandLine: String
  }

  /// Every process that could be seen.
  package let entries: [Entry]

  /// The processes of this moment.
  package static func now() -> ProcessTree {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return ProcessTree(entries: names.compactMap { Int32($0) }.compactMap(entry))
  }

  /// The children of a process, theirs, and so on; without zombies, which hold nothing any more.
  package func descendants(of ancestor: Int32) -> [Entry] {
    let children = entries.filter { $0.parent == ancestor }
    return children.filter { $0.state != "Z" } + children.flatMap { descendants(of: $0.identifier) }
  }

  /// The processes with all of those texts in their command line.
  package func processes(mentioning texts: String...) -> [Entry] {
    entries.filter { entry in texts.allSatisfy(entry.commandLine.contains) }
  }

  /// Whether a process runs; a zombie does not.
  package static func isRunning(_ identifier: Int32) -> Bool {
    entry(identifier).map { $0.state != "Z" } ?? false
  }

  /// Whether the bytes of that text stand in the arguments or the environment of a process.
  package static func exposes(_ identifier: Int32, _ text: String) -> Bool {
    ["cmdline", "environ"].contains { name in
      FileManager.default.contents(atPath: "/proc/\(identifier)/\(name)")?
        .firstRange(of: Data(text.utf8)) != nil
    }
  }

  /// A size that the kernel tells of a process, in kB: "VmHWM:", its memory at most (proc(5), status).
  package static func kilobytes(_ field: String, of identifier: Int32) -> Int? {
    let status = try? String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix(field) }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
  }

  private static func entry(_ identifier: Int32) -> Entry? {
    guard let stat = FileManager.default.contents(atPath: "/proc/\(identifier)/stat"),
      let command = FileManager.default.contents(atPath: "/proc/\(identifier)/cmdline")
    else { return nil }
    // The second field is the name in parentheses and may hold anything, so count from the last ")".
    let fields = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 2, let parent = Int32(fields[1]) else { return nil }
    let words = command.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    return Entry(
      identifier: identifier, parent: parent, state: String(fields[0]),
      commandLine: words.joined(separator: " "))
  }
}
