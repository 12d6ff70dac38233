/// Words that a person sends to the model by choosing them from a menu (MCP, server/prompts).
package struct Prompt: Sendable {
  /// Its name for programs; clients make a command of it.
  package let name: String
  /// Its name for people.
  package let title: String
  /// What it is good for.
  package let description: String
  /// What it must be told.
  package let arguments: [PromptArgument]
  /// The text of its message, made when it is chosen; its task is cancelled by `notifications/cancelled`.
  package let text: @Sendable (_ arguments: [String: String]) async -> String

  /// A prompt.
  package init(
    name: String, title: String, description: String, arguments: [PromptArgument],
    text: @escaping @Sendable (_ arguments: [String: String]) async -> String
  ) {
    self.name = name
    self.title = title
    self.description = description
    self.arguments = arguments
    self.text = text
  }
}

/// One argument of a prompt; all are strings.
package struct PromptArgument: Sendable {
  /// Its name.
  package let name: String
  /// Its name for people.
  package let title: String
  /// What it means.
  package let description: String
  /// Whether the prompt needs it.
  package let isRequired: Bool
  /// What it can be now; nil where that cannot be listed.
  package let completions: (@Sendable () -> [String])?

  /// An argument.
  package init(
    name: String, title: String, description: String, isRequired: Bool = true,
    completions: (@Sendable () -> [String])? = nil
  ) {
    self.name = name
    self.title = title
    self.description = description
    self.isRequired = isRequired
    self.completions = completions
  }
}
