import JSON

/// Writes results as one protocol version knows them: the only place that knows which field came when.
struct ResultEncoder: Sendable {
  let version: ProtocolVersion
  let info: ServerInfo

  /// How long a client may keep what never changes while the server runs, in milliseconds.
  private static let staticLifetime = 3_600_000
  static let serverInfoKey = "io.modelcontextprotocol/serverInfo"

  func initialize(_ server: Server) -> JSONValue {
    [
      "protocolVersion": .string(version.rawValue),
      "capabilities": capabilities(of: server),
      "serverInfo": serverInfo,
      "instructions": .string(server.instructions),
    ]
  }

  func discover(_ server: Server) -> JSONValue {
    complete(
      [
        ("supportedVersions", .array(ProtocolVersion.newestFirst.map { .string($0.rawValue) })),
        ("capabilities", capabilities(of: server)),
        ("instructions", .string(server.instructions)),
      ], keeping: .always)
  }

  private func capabilities(of server: Server) -> JSONValue {
    var object = JSONObject([("tools", [:])])
    if server.resources != nil { object["resources"] = ["subscribe": true] }
    if !server.prompts.isEmpty { object["prompts"] = [:] }
    if version >= .v2025_03_26, server.methods.contains(.complete) { object["completions"] = [:] }
    if !version.hasHandshake {
      object["extensions"] = .object(JSONObject([(Connection.tasksExtension, [:])]))
    }
    return .object(object)
  }

  func tools(_ tools: [Tool]) -> JSONValue {
    complete([("tools", .array(tools.map(tool)))], keeping: .always)
  }

  func call(_ result: CallToolResult) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("content", [["type": "text", "text": .string(result.text)]]),
      ("isError", .bool(result.isError)),
    ]
    if version >= .v2025_06_18, let structured = result.structured {
      members.append(("structuredContent", .object(structured)))
    }
    return complete(members, meta: result.meta)
  }

  /// A question as the parameters of `elicitation/create`.
  func elicitation(_ request: ElicitationRequest) -> JSONValue {
    var params = JSONObject()
    switch request {
    case .form(let message, let schema):
      if version >= .v2025_11_25 { params["mode"] = "form" }
      params["message"] = .string(message)
      params["requestedSchema"] = .object(schema)
    case .url(let url, let message, let id):
      params["mode"] = "url"
      params["message"] = .string(message)
      params["url"] = .string(url)
      if version.hasHandshake { params["elicitationId"] = .string(id) }
    }
    return .object(params)
  }

  /// A question instead of a result: the client calls again with the answer and the state.
  func inputRequired(_ question: CallRun.Question, state: String) -> JSONValue {
    let request: JSONValue = ["method": "elicitation/create", "params": elicitation(question.request)]
    return [
      "resultType": "input_required", "inputRequests": .object(JSONObject([(question.key, request)])),
      "requestState": .string(state), "_meta": .object(JSONObject([(Self.serverInfoKey, serverInfo)])),
    ]
  }

  /// Tells that a page has served its purpose; nil where the version has no word for it.
  func elicitationComplete(_ id: String) -> JSONValue? {
    guard version == .v2025_11_25 else { return nil }
    return [
      "jsonrpc": "2.0", "method": "notifications/elicitation/complete",
      "params": ["elicitationId": .string(id)],
    ]
  }

  /// The answer to what has nothing to tell: exactly `{}`, since strict clients accept nothing else.
  var empty: JSONValue { [:] }

  private func tool(_ tool: Tool) -> JSONValue {
    var object = JSONObject([("name", .string(tool.name))])
    if version >= .v2025_06_18 { object["title"] = .string(tool.title) }
    object["description"] = .string(tool.description)
    object["inputSchema"] = tool.inputSchema
    if version >= .v2025_06_18 { object["outputSchema"] = tool.outputSchema }
    if version >= .v2025_03_26 {
      var annotations = JSONObject()
      if version < .v2025_06_18 { annotations["title"] = .string(tool.title) }
      annotations["readOnlyHint"] = .bool(tool.annotations.readOnlyHint)
      annotations["destructiveHint"] = .bool(tool.annotations.destructiveHint)
      annotations["idempotentHint"] = .bool(tool.annotations.idempotentHint)
      annotations["openWorldHint"] = .bool(tool.annotations.openWorldHint)
      object["annotations"] = .object(annotations)
    }
    if version >= .v2025_06_18, let meta = tool.meta { object["_meta"] = .object(meta) }
    return .object(object)
  }

  var serverInfo: JSONValue {
    var object = JSONObject([("name", .string(info.name))])
    if version >= .v2025_06_18 { object["title"] = .string(info.title) }
    object["version"] = .string(info.version)
    return .object(object)
  }

  /// How long a client may keep a result before it asks again.
  enum Keeping {
    /// It is no such result.
    case none
    /// It never changes while the server runs, whoever asks.
    case always
    /// It may be old at once, and is for this client alone.
    case never
  }

  /// A result with what 2026-07-28 demands of every one.
  func complete(
    _ members: [(String, JSONValue)], keeping: Keeping = .none, meta: JSONObject = JSONObject()
  ) -> JSONValue {
    var object = JSONObject(members)
    var meta = meta
    if version >= .v2026_07_28 {
      object["resultType"] = "complete"
      switch keeping {
      case .none: break
      case .always:
        object["ttlMs"] = .int(Self.staticLifetime)
        object["cacheScope"] = "public"
      case .never:
        object["ttlMs"] = 0
        object["cacheScope"] = "private"
      }
      meta[Self.serverInfoKey] = serverInfo
    }
    if !meta.isEmpty { object["_meta"] = .object(meta) }
    return .object(object)
  }
}
