package import JSON

/// What programs get to know besides the text: one object under one key of a result's `_meta`.
package enum Facts {
  /// The key; the prefix is a reversed domain name, as MCP demands of vendors.
  package static let key = "io.github.ssh-mcp-sessions/result"

  /// The `_meta` object with these facts.
  package static func meta(_ facts: JSONObject) -> JSONObject {
    JSONObject([(key, .object(facts))])
  }
}
