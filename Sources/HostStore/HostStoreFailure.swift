/// Why the store could not do what it was asked; each with the remedy.
package enum HostStoreFailure: Error, Sendable, Hashable, CustomStringConvertible {
  case alreadyExists(id: String)
  case doesNotExist(id: String, known: [String])
  /// The file is not JSON.
  case damaged(path: String, line: Int, column: Int, reason: String)
  /// The file is JSON, but not a list of hosts.
  case notHosts(path: String, reason: String)
  /// One record cannot be used; counted from 1.
  case unusable(id: String?, path: String, number: Int, reason: String)
  /// A new value cannot be stored; a secret value is not told back.
  case invalid(field: String, value: String?, demand: String)
  case unreadable(path: String, reason: String)
  case unwritable(path: String, reason: String)
  /// Another process has held the lock for so many seconds.
  case locked(path: String, seconds: Int)

  /// A stable code for programs.
  package var code: String {
    switch self {
    case .alreadyExists: "host_exists"
    case .doesNotExist: "host_unknown"
    case .damaged, .notHosts: "hosts_file_damaged"
    case .unusable: "host_unusable"
    case .invalid: "invalid_argument"
    case .unreadable: "hosts_file_unreadable"
    case .unwritable: "hosts_file_unwritable"
    case .locked: "hosts_file_locked"
    }
  }

  package var description: String {
    switch self {
    case .alreadyExists(let id):
      "Host '\(id)' already exists. Change it with edit-host, or choose another host_id."
    case .doesNotExist(let id, let known):
      "Host '\(id)' does not exist. "
        + (known.isEmpty
          ? "No hosts are stored; add one with add-host." : "Stored hosts: \(Self.list(known)).")
    case .damaged(let path, let line, let column, let reason):
      "\(path) is damaged at line \(line), column \(column): \(reason). It was left as it is; mend it there, or move "
        + "it away to begin anew."
    case .notHosts(let path, let reason):
      "\(path) is not a hosts file: \(reason). It was left as it is; mend it, or move it away to begin anew."
    case .unusable(let id, let path, let number, let reason):
      id.map {
        "Host '\($0.onOneLine)' in \(path) has a record that cannot be used: \(reason.onOneLine). Mend it with edit-host, "
          + "or there."
      } ?? "Number \(number) of \"hosts\" in \(path) cannot be used: \(reason.onOneLine). Mend it there."
    case .invalid(let field, let value, let demand):
      "Argument '\(field)' must be \(demand)\(value.map { "; it was '\($0.prefix(80))'" } ?? "")."
    case .unreadable(let path, let reason): "\(path) cannot be read: \(reason)."
    case .unwritable(let path, let reason): "\(path) cannot be written: \(reason). Nothing was changed."
    case .locked(let path, let seconds):
      "\(path) has been locked by another process for \(seconds) s. Nothing was changed; try again."
    }
  }

  /// At most twenty names, for a sentence.
  private static func list(_ names: [String]) -> String {
    names.prefix(20).joined(separator: ", ") + (names.count > 20 ? " and \(names.count - 20) more" : "")
  }
}
