/// What ssh's configuration comes to for one destination, as `ssh -G` prints it.
package struct EffectiveConfiguration: Sendable, Hashable {
  private let values: [String: [String]]

  /// Reads the output of `ssh -G`: a lower-case keyword and its value a line.
  package init(output: String) {
    var values: [String: [String]] = [:]
    for line in output.split(separator: "\n") {
      guard let space = line.firstIndex(of: " ") else { continue }
      values[String(line[..<space]), default: []].append(String(line[line.index(after: space)...]))
    }
    self.values = values
  }

  /// The first value of a keyword.
  package subscript(keyword: String) -> String? { values[keyword]?.first }

  /// All values of a keyword that may be given several times.
  package func all(_ keyword: String) -> [String] { values[keyword] ?? [] }

  /// All keywords that have a value, in alphabetical order.
  package var keywords: [String] { values.keys.sorted() }

  /// The real host name or address.
  package var hostName: String? { self["hostname"] }

  /// The port; 22 if nothing was read.
  package var port: Int { self["port"].flatMap { Int($0) } ?? 22 }

  /// The remote user.
  package var user: String? { self["user"] }

  /// Seconds between keep-alive messages; 0 for none.
  package var serverAliveInterval: Int { self["serveraliveinterval"].flatMap { Int($0) } ?? 0 }

  /// Whether a host key that has changed would be accepted.
  package var acceptsChangedHostKeys: Bool {
    ["no", "off", "false"].contains(self["stricthostkeychecking"] ?? "ask")
  }

  /// The hosts on the way, as ssh_config names them; nil for none.
  package var proxyJump: String? { self["proxyjump"].flatMap { $0 == "none" ? nil : $0 } }

  /// Where the user's own connections have their sockets, its tokens expanded; nil for nowhere.
  package var controlPath: String? { self["controlpath"].flatMap { $0 == "none" ? nil : $0 } }
}
