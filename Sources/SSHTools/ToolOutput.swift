package import JSON
package import MCP

/// What a tool's structured content holds beside its text: the facts of `_meta`, and lists.
///
/// Only for clients that call tools from code and ask for it: others show structured content to the model
/// instead of the text.
package enum ToolOutput: Sendable, Hashable {
  /// The text alone.
  case text
  /// A command: how it stands, its exit status, where its output goes on.
  case command
  /// The session that was opened.
  case session
  /// The stored hosts and the aliases of ssh_config.
  case hosts
  /// The open sessions.
  case sessions

  /// The JSON Schema (2020-12) of the structured content; `error` stands in every one.
  package var schema: JSONValue {
    let fields = [Self.string("text"), Self.string("error")] + fields
    return [
      "type": "object", "properties": .object(JSONObject(fields)), "required": ["text"],
    ]
  }

  private var fields: [(String, JSONValue)] {
    switch self {
    case .text: []
    case .command:
      [
        Self.string("session"), Self.integer("command"),
        (
          "state",
          [
            "type": "string",
            "enum": [
              "not_started", "running", "waiting_for_input", "finished", "timed_out", "session_ended",
            ],
          ]
        ),
        Self.integer("exitCode"), Self.string("reason"), Self.string("program"), Self.boolean("fullScreen"),
        Self.boolean("aborted"), Self.boolean("stopped"), ("processGone", ["type": ["boolean", "null"]]),
        ("stillRunning", ["type": "array", "items": ["type": "string"]]), Self.boolean("sessionUsable"),
        Self.integer("durationMs"), Self.string("cwd"), Self.string("shell"),
        Self.string("user"), Self.integer("depth"), Self.integer("outputBytes"), Self.integer("nextOffset"),
        ("omitted", ["type": "array", "items": ["type": "integer"]]), Self.integer("backgroundBytes"),
        Self.string("note"), ("cancelledBefore", ["type": "array", "items": ["type": "object"]]),
      ]
    case .session:
      ["session", "host", "user", "cwd", "shell", "startup_files"].map(Self.string)
    case .hosts:
      [
        Self.list(
          "hosts",
          [
            Self.string("id"), Self.string("host"), Self.integer("port"), Self.string("user"),
            Self.string("auth"), Self.string("problem"),
          ])
      ]
    case .sessions:
      [
        Self.list(
          "sessions",
          [
            Self.string("session"), Self.string("host"), Self.string("user"), Self.integer("uptimeSeconds"),
            Self.string("lastCommand"), Self.string("state"), Self.string("startup_files"),
            Self.integer("depth"),
            Self.integer("backgroundBytes"),
          ])
      ]
    }
  }

  /// The structured content of a result: its text, its facts and its lists in one object.
  package static func content(of result: CallToolResult) -> JSONObject {
    var content = JSONObject([("text", .string(result.text))])
    let facts = result.meta[Facts.key]?.object?.members ?? []
    for (name, value) in facts + (result.structured?.members ?? []) { content[name] = value }
    return content
  }

  private static func string(_ name: String) -> (String, JSONValue) { (name, ["type": "string"]) }
  private static func integer(_ name: String) -> (String, JSONValue) { (name, ["type": "integer"]) }
  private static func boolean(_ name: String) -> (String, JSONValue) { (name, ["type": "boolean"]) }

  private static func list(_ name: String, _ fields: [(String, JSONValue)]) -> (String, JSONValue) {
    let item: JSONValue = ["type": "object", "properties": .object(JSONObject(fields))]
    return (name, ["type": "array", "items": item])
  }
}
