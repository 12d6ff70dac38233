/// A configuration in TOML 1.0, changed line by line: only the lines of our tables differ afterwards.
///
/// Only as much of TOML is read as finding tables safely needs. What could hide a table, a string over several
/// lines or servers written inline, is refused.
struct TOMLConfiguration: Configuration {
  /// A header and the lines up to the next one.
  private struct Table {
    let path: [String]
    /// From the header to the last line that is neither empty nor a comment.
    let lines: Range<Int>
  }

  /// The lines with their ends.
  private let lines: [ArraySlice<UInt8>]
  private let tables: [Table]
  private let newline: String

  /// Reads a text.
  ///
  /// - Parameters:
  ///   - bytes: The text in UTF-8.
  ///   - name: The entry that will be asked for; it must not be written inline.
  /// - Throws: `ConfigurationFault`.
  init(_ bytes: [UInt8], name: String) throws(ConfigurationFault) {
    newline = bytes.contains(0x0D) ? "\r\n" : "\n"
    var lines: [ArraySlice<UInt8>] = []
    var start = 0
    for end in bytes.indices where bytes[end] == 0x0A || end == bytes.count - 1 {
      lines.append(bytes[start...end])
      start = end + 1
    }
    self.lines = lines

    var headers: [(path: [String], line: Int)] = []
    var scanner = TOMLScanner()
    for (index, line) in lines.enumerated() {
      switch try scanner.read(line, number: index + 1) {
      case .nothing: break
      case .header(let path, let isList):
        if isList, path.first == "mcp_servers" {
          throw .unsuited(reason: "line \(index + 1) makes mcp_servers a list")
        }
        headers.append((path, index))
      case .key(let key):
        let path = (headers.last?.path ?? []) + key
        let isInline = headers.last.map { $0.path == ["mcp_servers"] } ?? true
        if isInline, path.first == "mcp_servers", path.count == 1 || headers.isEmpty || path[1] == name {
          throw .unsuited(
            reason: "line \(index + 1) sets \(path.joined(separator: ".")) without a table of its own")
        }
      }
    }
    try scanner.finish(line: lines.count)

    tables = headers.enumerated().map { index, header in
      var end = index + 1 < headers.count ? headers[index + 1].line : lines.count
      while end > header.line + 1, Self.isEmptyOrComment(lines[end - 1]) { end -= 1 }
      return Table(path: header.path, lines: header.line..<end)
    }
  }

  private static func isEmptyOrComment(_ line: ArraySlice<UInt8>) -> Bool {
    let first = line.first { ![0x20, 0x09, 0x0D, 0x0A].contains($0) }
    return first == nil || first == UInt8(ascii: "#")
  }

  private func tables(of name: String) -> [Table] {
    tables.filter { $0.path.starts(with: ["mcp_servers", name]) }
  }

  /// The lines of a table without the white space around each.
  private func text(_ table: Table) -> [String] {
    let space: Set<UInt8> = [0x20, 0x09, 0x0D, 0x0A]
    return lines[table.lines].map { line in
      let end = line.lastIndex { !space.contains($0) }.map { $0 + 1 } ?? line.startIndex
      return String(decoding: line[..<end].drop { space.contains($0) }, as: UTF8.self)
    }
  }

  func shown(_ name: String) -> String? {
    let tables = tables(of: name)
    guard !tables.isEmpty else { return nil }
    return tables.map { table in
      let isSecretTable = table.path.count > 2 && table.path[2] != "tools"
      return text(table).enumerated().map { index, line in
        guard index > 0, let equals = line.firstIndex(of: "=") else { return line + "\n" }
        let key = line[..<equals].filter { !$0.isWhitespace && $0 != "\"" }
        let isShown =
          isSecretTable
          ? isPublic(key) : ["command", "args", "cwd", "url", "enabled", "env_vars"].contains(key)
        return isShown ? line + "\n" : "\(line[...equals]) \(hiddenValue)\n"
      }.joined()
    }.joined(separator: "\n")
  }

  func has(_ entry: ServerEntry, named name: String) -> Bool {
    let there = tables(of: name).flatMap(text).filter { !$0.isEmpty && !$0.hasPrefix("#") }
    return there == entry.toml(named: name).split(separator: "\n").map(String.init)
  }

  func setting(_ entry: ServerEntry, named name: String) -> [UInt8] {
    let text = Array(
      entry.toml(named: name).split(separator: "\n", omittingEmptySubsequences: false)
        .joined(separator: newline).utf8)
    let ours = tables(of: name)
    if let first = ours.first {
      return keeping { index in
        index == first.lines.lowerBound
          ? .replaced(text) : fate(of: index, without: ours, keepingSpaceBefore: first)
      }
    }
    var result = Array(lines.joined())
    if let last = result.last {
      if last != 0x0A { result += newline.utf8 }
      result += newline.utf8
    }
    return result + text
  }

  func removing(_ name: String, original: [UInt8]?) -> [UInt8] {
    let ours = tables(of: name)
    return keeping { fate(of: $0, without: ours) }
  }

  /// What becomes of a line when tables go: the empty line that set a table apart goes with it.
  private func fate(of index: Int, without ours: [Table], keepingSpaceBefore first: Table? = nil) -> Fate {
    if ours.contains(where: { $0.lines.contains(index) }) { return .removed }
    let next = ours.first { $0.lines.lowerBound == index + 1 }
    guard let next, next.lines != first?.lines else { return .kept }
    return lines[index].allSatisfy { $0 <= 0x20 } ? .removed : .kept
  }

  private enum Fate {
    case kept
    case removed
    case replaced([UInt8])
  }

  private func keeping(_ fate: (Int) -> Fate) -> [UInt8] {
    lines.indices.flatMap { index -> [UInt8] in
      switch fate(index) {
      case .kept: Array(lines[index])
      case .removed: []
      case .replaced(let text): text
      }
    }
  }
}
