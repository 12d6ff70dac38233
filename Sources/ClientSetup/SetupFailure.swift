/// Why `setup` changed nothing; each with the remedy.
package enum SetupFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// The client has no configuration of a project.
  case noProjectFile(Client)
  /// A name that not every client takes.
  case badName(String)
  /// The file cannot be read as what it should be; `entry` is what to paste, if it was to be added.
  case damaged(path: String, line: Int, column: Int, reason: String, entry: String?)
  /// The file is well-formed, but written in a way that cannot be changed safely; `entry` is what to paste, if any.
  case unsuited(path: String, reason: String, entry: String?)
  /// There is another entry of that name.
  case differs(path: String, name: String, existing: String, wanted: String)
  /// Another program wrote the file while this one prepared its change.
  case changedMeanwhile(path: String)
  case unreadable(path: String, reason: String)
  case unwritable(path: String, reason: String)

  package var description: String {
    switch self {
    case .noProjectFile(let client):
      "\(client.title) has no configuration of a project; leave out --project."
    case .badName(let name):
      "The name '\(name)' cannot be used: letters, digits, '_' and '-', at most 64."
    case .damaged(let path, let line, let column, let reason, let entry):
      "\(path), line \(line), column \(column): \(reason). The file was left as it is. Mend it there, or "
        + Self.byHand(entry)
    case .unsuited(let path, let reason, let entry):
      "\(path): \(reason). The file was left as it is. You can " + Self.byHand(entry)
    case .differs(let path, let name, let existing, let wanted):
      "\(path) has another entry '\(name)'. Replace it with --force, or choose a --name.\n\n"
        + "There is:\n\n\(existing)\nWanted:\n\n\(wanted)"
    case .changedMeanwhile(let path):
      "Another program changed \(path) at the same time. Close the client and run setup again."
    case .unreadable(let path, let reason): "\(path) cannot be read: \(reason)."
    case .unwritable(let path, let reason): "\(path) cannot be written: \(reason)."
    }
  }

  private static func byHand(_ entry: String?) -> String {
    entry.map { "put this into it yourself:\n\n\($0)" } ?? "take the entry out yourself."
  }
}
