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
