/// The arguments with which a shell was started (POSIX sh, bash(1), zsh(1), ksh(1)).
struct ShellInvocation: Sendable, Hashable {
  /// The words, the program's own name first.
  let arguments: [String]

  /// Whether it reads its commands from the terminal: neither `-c` nor a script says what it runs.
  var readsCommands: Bool {
    var rest = arguments.dropFirst()
    if Self.baseName(arguments.first) == "busybox" { rest = rest.dropFirst() }
    while let word = rest.popFirst() {
      if word == "-" || word == "--" { return rest.isEmpty }
      guard let sign = word.first, sign == "-" || sign == "+" else { return false }
      if word.hasPrefix("--") {
        if Self.longOptionsWithValue.contains(word) { rest = rest.dropFirst() }
        continue
      }
      if sign == "-", word.contains("c") { return false }
      // What follows are its positional parameters.
      if sign == "-", word.contains("s") { return true }
      if word.last == "o" || word.last == "O" { rest = rest.dropFirst() }
    }
    return true
  }

  /// Whether it was told not to edit its lines: it leaves the terminal as it is then.
  var isWithoutEditing: Bool { arguments.contains("--noediting") }

  private static let longOptionsWithValue: Set<String> = ["--rcfile", "--init-file"]

  private static func baseName(_ path: String?) -> Substring? { path?.split(separator: "/").last }
}
