/// Keys by name, as the bytes that a terminal of the xterm family sends for them (ECMA-48, xterm's control sequences).
enum Key {
  private static let named: [(String, [UInt8])] = [
    ("enter", [0x0D]), ("tab", [0x09]), ("esc", [0x1B]), ("space", [0x20]), ("backspace", [0x7F]),
    ("delete", Array("\u{1B}[3~".utf8)), ("up", Array("\u{1B}[A".utf8)), ("down", Array("\u{1B}[B".utf8)),
    ("right", Array("\u{1B}[C".utf8)), ("left", Array("\u{1B}[D".utf8)), ("home", Array("\u{1B}[H".utf8)),
    ("end", Array("\u{1B}[F".utf8)), ("pageup", Array("\u{1B}[5~".utf8)),
    ("pagedown", Array("\u{1B}[6~".utf8)),
    ("insert", Array("\u{1B}[2~".utf8)), ("ctrl-space", [0x00]), ("ctrl-\\", [0x1C]), ("ctrl-]", [0x1D]),
  ]

  private static let functionKeys = ["P", "Q", "R", "S", "15", "17", "18", "19", "20", "21", "23", "24"]

  /// The names, for an error message.
  static var names: [String] { named.map(\.0) + ["f1 to f12", "ctrl-a to ctrl-z"] }

  /// The bytes of a key; nil for a name that is none.
  static func bytes(_ name: String) -> [UInt8]? {
    let name = name.lowercased()
    if let key = named.first(where: { $0.0 == name }) { return key.1 }
    if name == "escape" { return [0x1B] }
    if name == "return" { return [0x0D] }
    if name.hasPrefix("ctrl-"), name.utf8.count == 6, let letter = name.utf8.last,
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(letter)
    {
      return [letter & 0x1F]
    }
    if name.hasPrefix("f"), let number = Int(name.dropFirst()), (1...12).contains(number) {
      let code = functionKeys[number - 1]
      return Array((number <= 4 ? "\u{1B}O\(code)" : "\u{1B}[\(code)~").utf8)
    }
    return nil
  }
}
