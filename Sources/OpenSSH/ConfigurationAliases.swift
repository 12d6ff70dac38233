import Foundation

/// The aliases that ssh_config(5) files name: what stands after `Host`, but for patterns, with `Include` followed.
///
/// For showing only: what an alias means is for ssh to say.
package struct ConfigurationAliases: Sendable {
  /// The bounds of a search.
  package enum Limits {
    /// How deep files may include each other, as in ssh (readconf.c, READCONF_MAX_DEPTH).
    static let depth = 16
    /// Files read in all.
    static let files = 256
    /// Bytes of one file.
    static let fileBytes = 4 << 20
  }

  private let userHome: String
  private var names: [String] = []
  private var known: Set<String> = []
  private var filesRead = 0

  /// The aliases in the order of the files.
  ///
  /// - Parameters:
  ///   - file: The one that stands instead of the user's and the system's; nil for those two.
  ///   - userHome: For `~` and for the user's own file.
  /// - Returns: Names without patterns, each once.
  package static func list(file: String?, userHome: String) -> [String] {
    var aliases = ConfigurationAliases(userHome: userHome)
    if let file {
      aliases.read(file, base: "\(userHome)/.ssh", depth: 0)
    } else {
      aliases.read("\(userHome)/.ssh/config", base: "\(userHome)/.ssh", depth: 0)
      aliases.read("/etc/ssh/ssh_config", base: "/etc/ssh", depth: 0)
    }
    return aliases.names
  }

  private init(userHome: String) {
    self.userHome = userHome
  }

  private mutating func read(_ path: String, base: String, depth: Int) {
    guard depth < Limits.depth, filesRead < Limits.files else { return }
    filesRead += 1
    guard let data = FileManager.default.contents(atPath: path), data.count <= Limits.fileBytes else {
      return
    }
    for line in String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline) {
      let words = Self.words(line)
      switch words.first?.lowercased() {
      case "host": for name in words.dropFirst() { add(name) }
      case "include": for pattern in words.dropFirst() { include(pattern, base: base, depth: depth) }
      default: break
      }
    }
  }

  private mutating func add(_ name: String) {
    guard !name.contains(where: { "*?!,".contains($0) }), known.insert(name).inserted else { return }
    names.append(name)
  }

  private mutating func include(_ pattern: String, base: String, depth: Int) {
    var path = pattern.hasPrefix("~/") ? userHome + pattern.dropFirst() : pattern
    if !path.hasPrefix("/") { path = "\(base)/\(path)" }
    for file in Glob.paths(path) { read(file, base: base, depth: depth + 1) }
  }

  /// Words of a line: the keyword, then its arguments after white space or one `=`.
  ///
  /// In double quotes white space is part of a word; a line that begins with `#` is a comment.
  private static func words(_ line: Substring) -> [String] {
    let line = line.drop(while: \.isWhitespace)
    let keyword = line.prefix { !$0.isWhitespace && $0 != "=" }
    guard !keyword.isEmpty, keyword.first != "#" else { return [] }
    var rest = line[keyword.endIndex...].drop(while: \.isWhitespace)
    if rest.first == "=" { rest = rest.dropFirst() }
    var words = [String(keyword)]
    var word = ""
    var isQuoted = false
    for character in rest {
      if character == "\"" {
        isQuoted.toggle()
      } else if !isQuoted, character.isWhitespace {
        if !word.isEmpty { words.append(word) }
        word = ""
      } else {
        word.append(character)
      }
    }
    if !word.isEmpty { words.append(word) }
    return words
  }
}
