package import JSON

/// What a person said to a question (MCP, ElicitResult).
package enum ElicitationAnswer: Sendable, Hashable {
  /// A filled form, or an opened page; the content is the client's word and must be checked.
  case accept(JSONObject)
  /// An explicit no.
  case decline
  /// Dismissed, or not to be answered any more.
  case cancel
  /// Nobody could be asked: the client does not know the mode, or failed.
  case unavailable

  /// Reads a client's result; nil if it is none.
  init?(_ result: JSONValue?) {
    switch result?["action"] {
    case "accept"?:
      guard let content = result?["content"] else {
        self = .accept(JSONObject())
        return
      }
      guard let content = content.object else { return nil }
      self = .accept(content)
    case "decline"?: self = .decline
    case "cancel"?: self = .cancel
    default: return nil
    }
  }
}

/// The ways in which a client can ask a person.
package enum ElicitationMode: Sendable, Hashable {
  /// The client shows a form; never for secrets, since the answer passes through the client.
  case form
  /// The client opens a page of ours; what is entered there does not pass through it.
  case url

  /// What a client's capabilities promise in that version.
  static func declared(in capabilities: JSONValue?, version: ProtocolVersion) -> Set<ElicitationMode> {
    guard version >= .v2025_06_18, let elicitation = capabilities?["elicitation"]?.object else { return [] }
    guard version >= .v2025_11_25 else { return [.form] }
    var modes: Set<ElicitationMode> = []
    if elicitation["url"]?.object != nil { modes.insert(.url) }
    if elicitation["form"]?.object != nil || modes.isEmpty { modes.insert(.form) }
    return modes
  }
}

/// A question to a person, before a version has written it.
enum ElicitationRequest: Sendable, Hashable {
  case form(message: String, schema: JSONObject)
  case url(String, message: String, id: String)
}

/// Asks the person at the client, whichever way the protocol version has for it.
package struct Elicitor: Sendable {
  /// How the client can ask; never empty.
  package let modes: Set<ElicitationMode>
  private let perform: @Sendable (ElicitationRequest) async -> ElicitationAnswer
  private let announceEnd: @Sendable (_ id: String) -> Void

  init(
    modes: Set<ElicitationMode>,
    perform: @escaping @Sendable (ElicitationRequest) async -> ElicitationAnswer,
    announceEnd: @escaping @Sendable (_ id: String) -> Void
  ) {
    self.modes = modes
    self.perform = perform
    self.announceEnd = announceEnd
  }

  /// Asks by a form; cancelling the task takes the question back.
  ///
  /// - Parameters:
  ///   - message: What the person reads.
  ///   - schema: A flat object of strings, numbers, booleans and choices.
  /// - Returns: The answer; the content of an accepted one has not been checked against the schema.
  package func ask(form message: String, schema: JSONObject) async -> ElicitationAnswer {
    guard modes.contains(.form) else { return .unavailable }
    return await perform(.form(message: message, schema: schema))
  }

  /// Asks a person to open a page; cancelling the task takes the question back.
  ///
  /// - Parameters:
  ///   - url: The page.
  ///   - message: Why it should be opened.
  ///   - id: Names the question in `complete`.
  /// - Returns: Whether they opened it, which is not that they did anything there.
  package func ask(url: String, message: String, id: String) async -> ElicitationAnswer {
    guard modes.contains(.url) else { return .unavailable }
    return await perform(.url(url, message: message, id: id))
  }

  /// Tells the client that what was to be done on the page is done.
  package func complete(_ id: String) { announceEnd(id) }
}
