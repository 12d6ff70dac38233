package import HostStore
import JSON
import OpenSSH

/// The subcommands of `hosts` that need nothing but the store; their texts begin as those of the tools.
package struct HostCommands: Sendable {
  private let store: HostStore

  /// Commands on that store.
  package init(store: HostStore) {
    self.store = store
  }

  /// Adds a host.
  package func add(_ host: StoredHost) -> Outcome {
    outcome { () throws(HostStoreFailure) in
      try store.add(host)
      return "Host '\(host.id)' added"
    }
  }

  /// Changes fields of a host.
  package func edit(_ id: String, _ edit: HostEdit) -> Outcome {
    guard edit != HostEdit() else {
      return Outcome(failure: "Nothing to change: name at least one field (see --help).", .usage)
    }
    return outcome { () throws(HostStoreFailure) in
      try store.edit(id, edit)
      return "Host '\(id)' updated"
    }
  }

  /// Removes a host.
  package func remove(_ id: String) -> Outcome {
    outcome { () throws(HostStoreFailure) in
      try store.remove(id)
      return "Host '\(id)' removed"
    }
  }

  /// The stored hosts, without their secrets.
  ///
  /// - Parameter asJSON: One object with `hosts`, instead of a line each.
  /// - Returns: The text for standard output, or why there is none.
  package func list(asJSON: Bool) -> Outcome {
    outcome { () throws(HostStoreFailure) in
      let records = try store.records()
      if asJSON {
        let value: JSONValue = ["hosts": .array(records.map(Self.json))]
        return String(decoding: JSONWriter.pretty(value), as: UTF8.self)
      }
      return records.isEmpty ? "No hosts configured" : records.map(\.listing).joined(separator: "\n")
    }
  }

  /// Stores a password; an empty one clears what is stored.
  ///
  /// - Parameters:
  ///   - id: The host.
  ///   - ask: Gets the password; called only when the host is there.
  /// - Returns: What was done.
  package func setPassword(
    _ id: String, ask: () throws(PasswordFailure) -> String
  ) -> Outcome {
    do throws(HostStoreFailure) {
      let known = try store.records().compactMap(\.id)
      guard known.contains(id) else { throw .doesNotExist(id: id, known: known) }
    } catch {
      return Outcome(failure: Self.text(error))
    }
    var edit = HostEdit()
    do throws(PasswordFailure) {
      edit.password = try ask()
    } catch {
      return Outcome(failure: error.description)
    }
    return outcome(invalid: .failure) { () throws(HostStoreFailure) in
      try store.edit(id, edit)
      return "Host '\(id)' updated"
    }
  }

  private func outcome(
    invalid: Outcome.Status = .usage, _ body: () throws(HostStoreFailure) -> String
  ) -> Outcome {
    do throws(HostStoreFailure) {
      return Outcome(try body())
    } catch {
      if case .invalid = error { return Outcome(failure: Self.text(error), invalid) }
      return Outcome(failure: Self.text(error))
    }
  }

  /// A failure for somebody at a terminal: with commands and options where the tools' text names tools and arguments.
  static func text(_ failure: HostStoreFailure) -> String {
    switch failure {
    case .alreadyExists(let id):
      "Host '\(id)' already exists. Change it with: ssh-mcp-sessions hosts edit \(ShellWords.quoted(id))"
    case .doesNotExist(let id, let known) where known.isEmpty:
      "Host '\(id)' does not exist. No hosts are stored; add one with: ssh-mcp-sessions hosts add"
    case .invalid(let field, let value, let demand):
      "\(names[field] ?? "'\(field)'") must be \(demand)\(value.map { "; it was '\($0.prefix(80))'" } ?? "")."
    default: failure.description
    }
  }

  /// The fields of a record as a command line has them.
  private static let names = [
    "host_id": "The host's name", "host": "Option '--host'", "port": "Option '--port'",
    "username": "Option '--user'", "keyPath": "Option '--key-path'", "password": "The password",
    "passwordCommand": "Option '--password-command'",
  ]

  private static func json(_ record: HostRecord) -> JSONValue {
    let host: StoredHost
    switch record.host {
    case .success(let usable): host = usable
    case .failure(let failure): return record.problem(failure)
    }
    var object = JSONObject([
      ("id", .string(host.id)), ("host", .string(host.host)), ("port", .int(host.port)),
      ("username", .string(host.username)), ("auth", .string(host.authentication)),
    ])
    object["keyPath"] = host.keyPath.map { .string($0) }
    if host.forwardAgent { object["forwardAgent"] = true }
    return .object(object)
  }
}
