package import JSON

/// A tool: what clients are told of it and what it does (MCP, server/tools).
package struct Tool: Sendable {
  /// `[a-z0-9_-]`, at most 40: what every client accepts.
  package var name: String
  /// For people.
  package var title: String
  /// For the model: when to use it and how.
  package var description: String
  /// JSON Schema of the arguments; an object.
  package var inputSchema: JSONValue
  /// JSON Schema of the structured content, where there is some.
  package var outputSchema: JSONValue?
  /// What clients may tell people before they allow a call.
  package var annotations: ToolAnnotations
  /// Vendors' keys.
  package var meta: JSONObject?
  /// Runs what `begin` returns, from the reading thread on: for work that is short wherever it does not wait; nil for
  /// the usual pool of threads.
  package var executor: (any TaskExecutor)?
  /// Called on the connection's reading thread in the order of arrival: takes the call's place in line.
  package var begin: @Sendable (_ arguments: JSONObject, _ context: CallContext) -> PendingCall

  /// A tool.
  package init(
    name: String, title: String, description: String, inputSchema: JSONValue, outputSchema: JSONValue? = nil,
    annotations: ToolAnnotations, meta: JSONObject? = nil, executor: (any TaskExecutor)? = nil,
    begin: @escaping @Sendable (_ arguments: JSONObject, _ context: CallContext) -> PendingCall
  ) {
    self.name = name
    self.title = title
    self.description = description
    self.inputSchema = inputSchema
    self.outputSchema = outputSchema
    self.annotations = annotations
    self.meta = meta
    self.executor = executor
    self.begin = begin
  }
}

/// The part of a call that waits; its task is cancelled by `notifications/cancelled`.
package typealias PendingCall = @Sendable () async -> CallToolResult

/// Hints, not promises (MCP, ToolAnnotations).
package struct ToolAnnotations: Sendable, Hashable {
  /// It changes nothing.
  package var readOnlyHint: Bool
  /// It may destroy something.
  package var destructiveHint: Bool
  /// Calling it again changes nothing more.
  package var idempotentHint: Bool
  /// It reaches beyond this machine.
  package var openWorldHint: Bool

  /// All four, since clients assume the worst of a missing one.
  package init(readOnly: Bool, destructive: Bool, idempotent: Bool, openWorld: Bool) {
    readOnlyHint = readOnly
    destructiveHint = destructive
    idempotentHint = idempotent
    openWorldHint = openWorld
  }
}

/// What a call gets to know besides its arguments.
package struct CallContext: Sendable {
  /// The request's id.
  package let requestID: RequestID
  /// Tells the client how far it is; nil if the client did not ask.
  package let progress: ProgressReporter?
  /// Asks the person at the client; nil if the client cannot.
  package let elicitor: Elicitor?
  /// Lets the call go on as a task; nil if the client does not want that.
  package let taskOffer: TaskOffer?

  /// A context.
  package init(
    requestID: RequestID, progress: ProgressReporter?, elicitor: Elicitor? = nil, taskOffer: TaskOffer? = nil
  ) {
    self.requestID = requestID
    self.progress = progress
    self.elicitor = elicitor
    self.taskOffer = taskOffer
  }
}

/// The outcome of a call (MCP, CallToolResult): one text block, and facts for programs.
package struct CallToolResult: Sendable, Hashable {
  /// Everything that the model gets to know.
  package var text: String
  /// Whether the tool failed.
  package var isError: Bool
  /// Facts for programs.
  package var meta: JSONObject
  /// The same as one typed value, where the tool declares an output schema.
  package var structured: JSONObject?

  /// A result.
  package init(
    text: String, isError: Bool = false, meta: JSONObject = JSONObject(), structured: JSONObject? = nil
  ) {
    self.text = text
    self.isError = isError
    self.meta = meta
    self.structured = structured
  }
}

/// Who we are (MCP, Implementation).
package struct ServerInfo: Sendable, Hashable {
  /// The program's name.
  package let name: String
  /// The name for people.
  package let title: String
  /// The program's version.
  package let version: String

  /// A name, a title and a version.
  package init(name: String, title: String, version: String) {
    self.name = name
    self.title = title
    self.version = version
  }
}
