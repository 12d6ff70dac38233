import JSON

/// The requests that some version of the protocol knows and this server can serve.
enum Method: String, Sendable, Hashable, CaseIterable {
  case initialize, ping
  case discover = "server/discover"
  case listTools = "tools/list"
  case callTool = "tools/call"
  case listResources = "resources/list"
  case listResourceTemplates = "resources/templates/list"
  case readResource = "resources/read"
  case subscribe = "resources/subscribe"
  case unsubscribe = "resources/unsubscribe"
  case listen = "subscriptions/listen"
  case listPrompts = "prompts/list"
  case getPrompt = "prompts/get"
  case complete = "completion/complete"
  case getTask = "tasks/get"
  case updateTask = "tasks/update"
  case cancelTask = "tasks/cancel"

  /// The request of that name.
  init?(named name: String) {
    guard let method = Self.allCases.first(where: { $0.rawValue.hasBytes(of: name) }) else { return nil }
    self = method
  }

  /// Whether that version has the request.
  func isKnown(in version: ProtocolVersion) -> Bool {
    switch self {
    case .initialize, .ping, .subscribe, .unsubscribe: version.hasHandshake
    case .discover, .listen, .getTask, .updateTask, .cancelTask: !version.hasHandshake
    case .listTools, .callTool, .listResources, .listResourceTemplates, .readResource, .listPrompts,
      .getPrompt, .complete:
      true
    }
  }
}

/// What a request is and how it is to be served, decided by the request itself (MCP 2026-07-28, versioning): one
/// connection may carry requests of both eras.
struct RequestEra: Sendable, Hashable {
  let method: Method
  let version: ProtocolVersion
  /// What the client says in this request that it can; nil where the handshake said it.
  let capabilities: JSONValue?

  static let versionKey = "io.modelcontextprotocol/protocolVersion"
  static let capabilitiesKey = "io.modelcontextprotocol/clientCapabilities"
  private static let logLevelKey = "io.modelcontextprotocol/logLevel"
  private static let logLevels: Set<JSONValue> = [
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency",
  ]

  /// Reads it off a request.
  ///
  /// - Parameters:
  ///   - name: The request's method.
  ///   - params: Its parameters.
  ///   - negotiated: What `initialize` settled; nil before it.
  ///   - offered: The methods that the server has something behind.
  /// - Throws: What the request is to be answered with instead.
  init(
    _ name: String, _ params: JSONObject, negotiated: ProtocolVersion?, offered: [Method]
  ) throws(RPCError) {
    let meta = params["_meta"]?.object ?? JSONObject()
    let isStateless =
      meta[Self.versionKey] != nil || meta[Self.capabilitiesKey] != nil
      || negotiated == nil && !name.hasBytes(of: Method.ping.rawValue)
    guard let method = Method(named: name), offered.contains(method) else { throw .methodNotFound(name) }
    self.method = method
    guard isStateless else {
      version = negotiated ?? .newestHandshake
      capabilities = nil
      if method == .initialize { throw .invalidParams("\"protocolVersion\" must be a string") }
      guard method.isKnown(in: version) else { throw .methodNotFound(name) }
      return
    }
    guard let requested = meta[Self.versionKey]?.string else {
      throw .invalidParams("\"_meta\" must have \"\(Self.versionKey)\", a string (or begin with initialize)")
    }
    guard meta[Self.capabilitiesKey]?.object != nil else {
      throw .invalidParams("\"_meta\" must have \"\(Self.capabilitiesKey)\", an object")
    }
    guard ProtocolVersion(named: requested) == .v2026_07_28 else { throw .unsupportedVersion(requested) }
    version = .v2026_07_28
    capabilities = meta[Self.capabilitiesKey]
    guard method.isKnown(in: version) else { throw .methodNotFound(name) }
    if let level = meta[Self.logLevelKey] {
      guard Self.logLevels.contains(level) else {
        throw .invalidParams("\"\(Self.logLevelKey)\" must be one of the eight levels")
      }
    }
  }
}
