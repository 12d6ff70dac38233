import HostStore
import JSON
import MCP
import OpenSSH

extension ToolDeclaration {
  private static let fields: [Parameter] = [
    Parameter(name: "password", kind: .string, description: "Prefer a key, an agent or passwordCommand"),
    Parameter(name: "keyPath", kind: .string, description: "Private key file; ~ is the home directory"),
    Parameter(name: "passwordCommand", kind: .string, description: "Its first output line is the password"),
    Parameter(name: "forwardAgent", kind: .boolean, description: "Forward the SSH agent; off by default"),
  ]

  private static let hostID = Parameter(
    name: "host_id", kind: .string, isRequired: true, description: "The host's name here")

  static let addHost = ToolDeclaration(
    name: "add-host", title: "Add host",
    description: "Store an SSH host. Hosts in ~/.ssh/config need no entry: start-session takes their alias. "
      + "Without password and key the agent and ssh_config decide.",
    parameters: [
      hostID,
      Parameter(
        name: "host", kind: .string, isRequired: true, description: "Name, address or ssh_config alias"),
      Parameter(name: "port", kind: .integer(1...65535, fallback: 22), description: ""),
      Parameter(name: "username", kind: .string, isRequired: true, description: "Remote user"),
    ] + fields,
    annotations: ToolAnnotations(readOnly: false, destructive: false, idempotent: false, openWorld: false),
    begin: { service, arguments, _ in
      let host = StoredHost(
        id: arguments.required("host_id"), host: arguments.required("host"),
        port: arguments.integer("port") ?? 22, username: arguments.required("username"),
        password: arguments.string("password"), keyPath: arguments.string("keyPath"),
        passwordCommand: arguments.string("passwordCommand"),
        forwardAgent: arguments.boolean("forwardAgent") ?? false)
      return service.change("Host '\(host.id)' added") { store, asked throws(HostStoreFailure) in
        try store.add(host, asked: asked)
      }
    })

  static let editHost = ToolDeclaration(
    name: "edit-host", title: "Edit host",
    description:
      "Change fields of a stored host; an empty string clears password, keyPath or passwordCommand.",
    parameters: [
      hostID,
      Parameter(name: "host", kind: .string, description: "Name, address or ssh_config alias"),
      Parameter(name: "port", kind: .integer(1...65535, fallback: nil), description: ""),
      Parameter(name: "username", kind: .string, description: "Remote user"),
    ] + fields,
    annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true, openWorld: false),
    begin: { service, arguments, _ in
      var edit = HostEdit()
      edit.host = arguments.string("host")
      edit.port = arguments.integer("port")
      edit.username = arguments.string("username")
      edit.password = arguments.string("password")
      edit.keyPath = arguments.string("keyPath")
      edit.passwordCommand = arguments.string("passwordCommand")
      edit.forwardAgent = arguments.boolean("forwardAgent")
      let id = arguments.required("host_id")
      return service.change("Host '\(id)' updated") { [edit] store, asked throws(HostStoreFailure) in
        try store.edit(id, edit, asked: asked)
      }
    })

  static let removeHost = ToolDeclaration(
    name: "remove-host", title: "Remove host", description: "Forget a stored host. Open sessions stay open.",
    parameters: [hostID],
    annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true, openWorld: false),
    begin: { service, arguments, _ in
      let id = arguments.required("host_id")
      return service.change("Host '\(id)' removed") { store, asked throws(HostStoreFailure) in
        try store.remove(id, asked: asked)
      }
    })

  static let listHosts = ToolDeclaration(
    name: "list-hosts", title: "List hosts",
    description: "List the stored hosts, then the aliases of ssh_config, a line each.",
    parameters: [],
    annotations: ToolAnnotations(readOnly: true, destructive: false, idempotent: true, openWorld: false),
    output: .hosts,
    begin: { service, _, _ in
      service.telling(service.hostList) { list in
        CallToolResult(text: list.text, structured: JSONObject([("hosts", .array(list.json))]))
      }
    })
}

extension SSHService {
  /// Enters a change of the stored hosts; the call that waits tells that it is made.
  fileprivate func change(
    _ done: String,
    _ change: @escaping @Sendable (HostStore, ContinuousClock.Instant) throws(HostStoreFailure) -> Void
  ) -> PendingCall {
    let turn = hosts.enter { [changes] store, asked throws(HostStoreFailure) in
      try change(store, asked)
      changes.post(ResourceAddress.hosts.uri)
    }
    return telling(turn) { CallToolResult(text: done) }
  }

  /// The call that waits for the store and tells what came of it.
  fileprivate func telling<Success>(
    _ turn: HostQueue.Turn<Success>, _ result: @escaping @Sendable (Success) -> CallToolResult
  ) -> PendingCall {
    {
      do throws(HostStoreFailure) {
        return result(try await turn.outcome())
      } catch {
        return Self.failure(error, hostID: "", isStored: true).result
      }
    }
  }

  /// Enters the reading of all hosts.
  var hostList: HostQueue.Turn<HostList> {
    hosts.enter { [configuration] store, _ throws(HostStoreFailure) in
      try HostList(store, configuration)
    }
  }
}

/// The hosts that a session can be opened on by name: the stored ones, then the aliases of ssh_config.
struct HostList: Sendable {
  private let stored: [HostRecord]
  private let aliases: [String]

  /// Reads both.
  ///
  /// - Throws: `HostStoreFailure`.
  init(_ store: HostStore, _ configuration: SSHService.Configuration) throws(HostStoreFailure) {
    stored = try store.records()
    let known = Set(stored.compactMap(\.id))
    aliases = ConfigurationAliases.list(
      file: configuration.sshConfiguration, userHome: configuration.userHome
    ).filter { !known.contains($0) }
  }

  /// Their names, in order.
  var names: [String] { stored.compactMap(\.id) + aliases }

  /// A line each.
  var text: String {
    let lines = stored.map(\.listing) + aliases.map { "id=\($0) auth=ssh_config" }
    return lines.isEmpty ? "No hosts configured" : lines.joined(separator: "\n")
  }

  /// The same for programs.
  var json: [JSONValue] {
    stored.map(Self.json) + aliases.map { ["id": .string($0), "auth": "ssh_config"] }
  }

  private static func json(_ record: HostRecord) -> JSONValue {
    switch record.host {
    case .success(let host):
      [
        "id": .string(host.id), "host": .string(host.host), "port": .int(host.port),
        "user": .string(host.username), "auth": .string("\(host.authentication)"),
      ]
    case .failure(let failure): record.problem(failure)
    }
  }
}
