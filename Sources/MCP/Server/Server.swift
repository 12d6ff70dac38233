import JSON

/// What a server has to offer and its words; connections are made from it, any number of them.
package final class Server: Sendable {
  let info: ServerInfo
  let instructions: String
  /// In the order of their names, since clients feed the list to prompt caches.
  let tools: [Tool]
  let resources: ResourceCatalog?
  /// In the order of their names.
  let prompts: [Prompt]
  let tasks: TaskTable
  /// How long a call of the stateless era waits for its client to come back with an answer.
  let questionLifetime: Duration
  /// How long after an update of a resource further changes of it are gathered.
  let updatePause: Duration
  /// The requests that there is something behind.
  ///
  /// Not a set: making its type costs the start more than looking through these few ever will (measured).
  let methods: [Method]

  /// A server.
  ///
  /// - Parameters:
  ///   - info: Who it is.
  ///   - instructions: What clients tell the model of it as a whole.
  ///   - tools: What it can do.
  ///   - resources: What can be read.
  ///   - prompts: What people can choose from a menu.
  ///   - questionLifetime: How long a call without a handshake waits for a person's answer.
  ///   - taskLifetime: How long the result of a task is kept.
  ///   - updatePause: The shortest time between two updates of one resource.
  package init(
    info: ServerInfo, instructions: String, tools: [Tool], resources: ResourceCatalog? = nil,
    prompts: [Prompt] = [], questionLifetime: Duration = .seconds(600),
    taskLifetime: Duration = .seconds(3600), updatePause: Duration = .seconds(1)
  ) {
    self.info = info
    self.instructions = instructions
    self.tools = tools.sorted { $0.name < $1.name }
    self.resources = resources
    self.prompts = prompts.sorted { $0.name < $1.name }
    self.questionLifetime = questionLifetime
    self.updatePause = updatePause
    tasks = TaskTable(lifetime: taskLifetime)
    var methods: [Method] = [
      .initialize, .ping, .discover, .listTools, .callTool, .getTask, .updateTask, .cancelTask, .listen,
    ]
    if resources != nil {
      methods += [.listResources, .listResourceTemplates, .readResource, .subscribe, .unsubscribe]
    }
    if !prompts.isEmpty { methods += [.listPrompts, .getPrompt] }
    if resources != nil || !prompts.isEmpty { methods.append(.complete) }
    self.methods = methods
  }

  /// A connection of one client.
  ///
  /// - Parameters:
  ///   - output: Gets whole messages, each with its line feed, from any thread; must not block.
  ///   - room: Returns when there is room for another answer: calls go on then only.
  /// - Returns: A connection that has not seen a byte yet.
  package func connect(
    output: @escaping @Sendable ([UInt8]) -> Void, room: @escaping @Sendable () async -> Void = {}
  ) -> Connection {
    Connection(server: self, output: output, room: room)
  }

  /// Stops the calls that go on as tasks.
  package func endTasks() { tasks.cancelAll() }

  /// The list as a client of that version gets it; its size is a budget that a test holds.
  package func toolList(for version: ProtocolVersion) -> [UInt8] {
    JSONWriter.compact(ResultEncoder(version: version, info: info).tools(tools))
  }
}
