import JSON

/// A stored host: what one record of hosts.json says.
package struct StoredHost: Sendable, Hashable, CustomStringConvertible {
  /// The name by which tools call it.
  package var id: String
  /// What ssh is given as destination: a name, an address or an alias of ssh_config.
  package var host: String
  /// The port; 22 where the record has none.
  package var port: Int
  /// The remote user.
  package var username: String
  /// The password; nil and the empty string are the same.
  package var password: String?
  /// The private key's path, with `~` for the home directory.
  package var keyPath: String?
  /// A command whose first line of output is the password.
  package var passwordCommand: String?
  /// Whether the agent is forwarded although ssh_config does not say so.
  package var forwardAgent: Bool

  /// A new host.
  package init(
    id: String, host: String, port: Int = 22, username: String, password: String? = nil,
    keyPath: String? = nil,
    passwordCommand: String? = nil, forwardAgent: Bool = false
  ) {
    self.id = id
    self.host = host
    self.port = port
    self.username = username
    self.password = password.flatMap { $0.isEmpty ? nil : $0 }
    self.keyPath = keyPath.flatMap { $0.isEmpty ? nil : $0 }
    self.passwordCommand = passwordCommand.flatMap { $0.isEmpty ? nil : $0 }
    self.forwardAgent = forwardAgent
  }

  /// How it logs in, in the word that `list-hosts` uses: password, key or agent.
  package var authentication: String {
    password != nil || passwordCommand != nil ? "password" : keyPath != nil ? "key" : "agent"
  }

  /// The line of `list-hosts`.
  package var listing: String { "id=\(id) host=\(host):\(port) user=\(username) auth=\(authentication)" }

  /// Everything but the secrets.
  package var description: String { "\(id): \(username)@\(host):\(port) (\(authentication))" }

  // MARK: - Records

  /// Reads a record.
  ///
  /// - Throws: `RecordFault` that names the member.
  init(record value: JSONValue) throws(RecordFault) {
    guard let record = value.object else { throw RecordFault("it is \(value.typeName), not an object") }
    func fail(_ name: String, _ demand: String) -> RecordFault {
      let found = record[name].map { "it is \($0.typeName)" } ?? "it is missing"
      return RecordFault("\"\(name)\" must be \(demand); \(found)")
    }
    func text(_ name: String) throws(RecordFault) -> String? {
      guard let value = record[name], !value.isNull else { return nil }
      guard let text = value.string else { throw fail(name, "a string") }
      return text.isEmpty ? nil : text
    }
    guard let id = record["id"]?.string else { throw fail("id", "a string") }
    guard let host = record["host"]?.string else { throw fail("host", "a string") }
    guard let username = record["username"]?.string else { throw fail("username", "a string") }
    self.id = id
    self.host = host
    self.username = username
    if let port = record["port"], !port.isNull {
      guard let number = port.int, (1...65535).contains(number) else { throw fail("port", "from 1 to 65535") }
      self.port = number
    } else {
      port = 22
    }
    password = try text("password")
    keyPath = try text("keyPath")
    passwordCommand = try text("passwordCommand")
    forwardAgent = record["forwardAgent"]?.bool ?? false
  }

  /// The record of a new host.
  var record: JSONValue {
    var object = JSONObject([
      ("id", .string(id)), ("host", .string(host)), ("port", .int(port)), ("username", .string(username)),
    ])
    object["password"] = password.map { .string($0) }
    object["keyPath"] = keyPath.map { .string($0) }
    object["passwordCommand"] = passwordCommand.map { .string($0) }
    if forwardAgent { object["forwardAgent"] = true }
    return .object(object)
  }
}

/// Why a record is no host.
struct RecordFault: Error, Hashable {
  let reason: String

  init(_ reason: String) {
    self.reason = reason
  }

  /// A value that cannot be, as one of the record and not of a call.
  init(_ failure: HostStoreFailure) {
    guard case .invalid(let field, let value, let demand) = failure else {
      self.init(failure.description)
      return
    }
    let member = field == "host_id" ? "id" : field
    self.init("\"\(member)\" must be \(demand)\(value.map { "; it is '\($0.prefix(80))'" } ?? "")")
  }
}

/// What `edit-host` changes; nil leaves a field alone, the empty string clears one that can be empty.
package struct HostEdit: Sendable, Hashable {
  /// The new destination.
  package var host: String?
  /// The new port.
  package var port: Int?
  /// The new remote user.
  package var username: String?
  /// The new password.
  package var password: String?
  /// The new key file.
  package var keyPath: String?
  /// The new command that prints the password.
  package var passwordCommand: String?
  /// Whether the agent is forwarded from now on.
  package var forwardAgent: Bool?

  /// An edit that changes nothing yet.
  package init() {}

  /// Sets the members that it names; all others stay as they are written.
  func apply(to record: inout JSONObject) {
    if let value = host { record["host"] = .string(value) }
    if let value = port { record["port"] = .int(value) }
    if let value = username { record["username"] = .string(value) }
    for (name, value) in [("password", password), ("keyPath", keyPath), ("passwordCommand", passwordCommand)]
    {
      if let value { record[name] = value.isEmpty ? nil : .string(value) }
    }
    if let value = forwardAgent { record["forwardAgent"] = .bool(value) }
  }
}
