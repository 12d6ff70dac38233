import JSON
package import MCP

/// A call that could not do what it was asked: a stable code for programs and a text for the model.
package struct ToolFailure: Error, Sendable, Hashable {
  /// Lower-case words with underscores; does not change between versions.
  package let code: String
  /// What happened and what to do next; begins with the words of the contract where it names some.
  package let text: String
  /// Why the session ended that the call was for, as a stable code.
  package let reason: String?

  /// A failure with its code and text.
  package init(code: String, reason: String? = nil, _ text: String) {
    self.code = code
    self.reason = reason
    self.text = Self.bounded(text)
  }

  /// A text of more bytes is cut in the middle: an argument of megabytes is not told back whole.
  private static let limitBytes = 16 << 10

  private static func bounded(_ text: String) -> String {
    guard text.utf8.count > limitBytes else { return text }
    let end = text.ending(characters: 1000, bytes: 4000)
    return "\(text.beginning(characters: 1000, bytes: 4000)) ... \(end)"
  }

  /// The result that tells it.
  package var result: CallToolResult {
    var facts = JSONObject([("error", .string(code))])
    facts["reason"] = reason.map { .string($0) }
    return CallToolResult(text: text, isError: true, meta: Facts.meta(facts))
  }
}
