import JSON

/// Writes results as one protocol version knows them: the only place that knows which field came when.
struct ResultEncoder: Sendable {
  let version: ProtocolVersion
  let info: ServerInfo

  /// How long a client may keep what never changes while the server runs, in milliseconds.
  private static let staticLifetime = 3_600_000

  func initialize(instructions: String) -> JSONValue {
    [
      "protocolVersion": .string(version.rawValue),
      "capabilities": ["tools": [:]],
      "serverInfo": serverInfo,
      "instructions": .string(instructions),
    ]
  }

  func discover(instructions: String) -> JSONValue {
    complete(
      [
        ("supportedVersions", .array(ProtocolVersion.newestFirst.map { .string($0.rawValue) })),
        ("capabilities", ["tools": [:]]),
        ("instructions", .string(instructions)),
      ], isStatic: true)
  }

  func tools(_ tools: [Tool]) -> JSONValue {
    complete([("tools", .array(tools.map(tool)))], isStatic: true)
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
      "requestState": .string(state), "_meta": ["io.modelcontextprotocol/serverInfo": serverInfo],
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

  private var serverInfo: JSONValue {
    var object = JSONObject([("name", .string(info.name))])
    if version >= .v2025_06_18 { object["title"] = .string(info.title) }
    object["version"] = .string(info.version)
    return .object(object)
  }

  /// A result with what 2026-07-28 demands of every one.
  private func complete(
    _ members: [(String, JSONValue)], isStatic: Bool = false, meta: JSONObject = JSONObject()
  ) -> JSONValue {
    var object = JSONObject(members)
    var meta = meta
    if version >= .v2026_07_28 {
      object["resultType"] = "complete"
      if isStatic {
        object["ttlMs"] = .int(Self.staticLifetime)
        object["cacheScope"] = "public"
      }
      meta["io.modelcontextprotocol/serverInfo"] = serverInfo
    }
    if !meta.isEmpty { object["_meta"] = .object(meta) }
    return .object(object)
  }
}
