package import JSON

/// A request's id: a string or an integer, echoed with its type and its text (JSON-RPC 2.0 section 4).
package enum RequestID: Sendable, Hashable {
  case string(String)
  /// The digits as they came, since 64 bits may not hold them.
  case integer(JSONNumber)

  /// The id in that value, if it can be one: never null, a boolean or a fraction.
  package init?(_ value: JSONValue) {
    switch value {
    case .string(let text): self = .string(text)
    case .number(let number) where number.isIntegerLiteral: self = .integer(number)
    default: return nil
    }
  }

  /// The id as it stands in a message.
  package var json: JSONValue {
    switch self {
    case .string(let text): .string(text)
    case .integer(let number): .number(number)
    }
  }

  /// Texts are the same where their bytes are: "é" and "e\u{301}" are two ids.
  package static func == (left: RequestID, right: RequestID) -> Bool { left.json == right.json }

  package func hash(into hasher: inout Hasher) { json.hash(into: &hasher) }
}

/// One JSON-RPC message of a client.
package enum Message: Sendable, Hashable {
  case request(RequestID, method: String, params: JSONValue?)
  case notification(method: String, params: JSONValue?)
  /// An answer to a request of ours; without an id it is to none, and only tells that the other side has a complaint.
  case response(RequestID?, result: JSONValue?, error: JSONValue?)

  /// Reads a message from a JSON value.
  ///
  /// - Throws: `InvalidMessage`, with the id where there is one to answer to.
  package init(_ value: JSONValue) throws(InvalidMessage) {
    guard let object = value.object else { throw InvalidMessage(id: nil, "a message is a JSON object") }
    let id = object["id"].flatMap { RequestID($0) }
    let method = object["method"]
    // Whatever else is wrong with it: two sides that answer an error with an error would never come to an end.
    if method == nil, object["result"] != nil || object["error"] != nil {
      self = .response(id, result: object["result"], error: object["error"])
      return
    }
    guard object["jsonrpc"] == "2.0" else {
      throw InvalidMessage(id: id, "\"jsonrpc\" must be \"2.0\"")
    }
    guard let method else {
      throw InvalidMessage(id: id, "a message has a \"method\", or an \"id\" with \"result\" or \"error\"")
    }
    guard let method = method.string else { throw InvalidMessage(id: id, "\"method\" must be a string") }
    if object["id"] == nil {
      self = .notification(method: method, params: object["params"])
    } else if let id {
      self = .request(id, method: method, params: object["params"])
    } else {
      throw InvalidMessage(id: nil, "\"id\" must be a string or an integer")
    }
  }
}

/// Valid JSON that is no JSON-RPC message.
package struct InvalidMessage: Error, Sendable, Hashable {
  /// The id to answer to, if there was one.
  package let id: RequestID?
  /// What is wrong with it.
  package let reason: String

  init(id: RequestID?, _ reason: String) {
    self.id = id
    self.reason = reason
  }
}

/// An error answer (JSON-RPC 2.0 section 5.1, and MCP's own codes).
package struct RPCError: Error, Sendable, Hashable {
  /// The number that programs look at.
  package let code: Int
  /// One sentence.
  package let message: String
  /// What programs may need besides.
  package let data: JSONValue?

  /// An error with a code of the lists below.
  package init(code: Int, message: String, data: JSONValue? = nil) {
    self.code = code
    // It may quote the request, which may be a name of megabytes.
    self.message =
      message.utf8.count > 2000 ? "\(message.beginning(characters: 500, bytes: 2000)) ..." : message
    self.data = data
  }

  /// Not JSON.
  package static func parseError(_ reason: String) -> RPCError {
    RPCError(code: -32700, message: "Parse error: \(reason)")
  }

  /// JSON, but no message, or not at this moment.
  package static func invalidRequest(_ reason: String) -> RPCError {
    RPCError(code: -32600, message: "Invalid request: \(reason)")
  }

  /// No such method in this protocol version.
  package static func methodNotFound(_ method: String) -> RPCError {
    RPCError(code: -32601, message: "Method not found: \(method)")
  }

  /// Parameters that the method does not take.
  package static func invalidParams(_ reason: String) -> RPCError {
    RPCError(code: -32602, message: reason)
  }

  /// Nothing that the client did.
  package static func internalError(_ reason: String) -> RPCError {
    RPCError(code: -32603, message: "Internal error: \(reason)")
  }

  /// A protocol version that this server does not speak (MCP 2026-07-28).
  package static func unsupportedVersion(_ requested: String) -> RPCError {
    RPCError(
      code: -32022, message: "Unsupported protocol version",
      data: [
        "supported": .array(ProtocolVersion.newestFirst.map { .string($0.rawValue) }),
        "requested": .string(requested),
      ])
  }

  /// A request of an extension from a client that does not say that it knows it (MCP 2026-07-28).
  package static func missingExtension(_ name: String) -> RPCError {
    RPCError(
      code: -32021, message: "Missing required client capability",
      data: ["requiredCapabilities": ["extensions": .object(JSONObject([(name, [:])]))]])
  }

  /// Nothing to read at that address; the code has changed between versions.
  package static func resourceNotFound(_ uri: String, _ version: ProtocolVersion) -> RPCError {
    RPCError(
      code: version.hasHandshake ? -32002 : -32602, message: "Resource not found: \(uri)",
      data: ["uri": .string(uri)])
  }

  var json: JSONValue {
    var object = JSONObject([("code", .int(code)), ("message", .string(message))])
    object["data"] = data
    return .object(object)
  }
}
