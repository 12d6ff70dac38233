package import JSON

/// What clients can read besides calling tools (MCP, server/resources).
package struct ResourceCatalog: Sendable {
  /// Those with a fixed address.
  package var resources: [Resource]
  /// Those whose addresses have variables.
  package var templates: [ResourceTemplate]
  /// Reads one; nil if there is none at that address.
  package var read: @Sendable (_ uri: String) async throws(ResourceFailure) -> ResourceContents?
  /// The name under which changes of what is at that address are told, the same for every spelling of it; nil if
  /// they are not told.
  package var changeName: @Sendable (_ uri: String) -> String?
  /// Tells of each change by that name.
  package var changes: Observers<String>

  /// A catalogue.
  package init(
    resources: [Resource], templates: [ResourceTemplate], changes: Observers<String>,
    changeName: @escaping @Sendable (_ uri: String) -> String?,
    read: @escaping @Sendable (_ uri: String) async throws(ResourceFailure) -> ResourceContents?
  ) {
    self.resources = resources
    self.templates = templates
    self.changes = changes
    self.changeName = changeName
    self.read = read
  }
}

/// One thing to read, as the list shows it.
package struct Resource: Sendable, Hashable {
  /// Its address.
  package let uri: String
  /// Its name for programs.
  package let name: String
  /// Its name for people.
  package let title: String
  /// What stands in it.
  package let description: String
  /// Its media type.
  package let mimeType: String

  /// An entry of the list.
  package init(uri: String, name: String, title: String, description: String, mimeType: String) {
    self.uri = uri
    self.name = name
    self.title = title
    self.description = description
    self.mimeType = mimeType
  }
}

/// Many things to read under addresses of one form.
package struct ResourceTemplate: Sendable {
  /// The form of the addresses (RFC 6570).
  package let uriTemplate: String
  /// Its name for programs.
  package let name: String
  /// Its name for people.
  package let title: String
  /// What stands in them.
  package let description: String
  /// Their media type.
  package let mimeType: String
  /// What each variable can be now, where that can be listed.
  package let completions: [String: @Sendable () -> [String]]

  /// An entry of the list.
  package init(
    uriTemplate: String, name: String, title: String, description: String, mimeType: String,
    completions: [String: @Sendable () -> [String]]
  ) {
    self.uriTemplate = uriTemplate
    self.name = name
    self.title = title
    self.description = description
    self.mimeType = mimeType
    self.completions = completions
  }
}

/// What was read.
package struct ResourceContents: Sendable, Hashable {
  /// The text.
  package let text: String
  /// Its media type.
  package let mimeType: String
  /// Facts for programs.
  package let meta: JSONObject

  /// Contents.
  package init(text: String, mimeType: String, meta: JSONObject = JSONObject()) {
    self.text = text
    self.mimeType = mimeType
    self.meta = meta
  }
}

/// Why something that is there could not be read.
package struct ResourceFailure: Error, Sendable, Hashable {
  /// What happened and what to do.
  package let message: String

  /// A failure.
  package init(_ message: String) {
    self.message = message
  }
}
