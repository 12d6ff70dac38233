/// Command lines to paste into a shell.
package enum ShellWords {
  /// The words as one line, each quoted where it must be (POSIX, 2.2.2).
  package static func line(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }

  /// One word.
  package static func quoted(_ word: String) -> String {
    let plain = word.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || "@%+=:,./-_".utf8.contains(byte)
    }
    return plain && !word.isEmpty
      ? word
      : "'"
        + word.split(separator: "'", omittingEmptySubsequences: false)
        .joined(separator: "'\\''") + "'"
  }
}
