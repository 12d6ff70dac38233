import JSON

/// The tools and the words of a server; connections are made from it, any number of them.
package final class Server: Sendable {
  let info: ServerInfo
  let instructions: String
  /// In the order of their names, since clients feed the list to prompt caches.
  let tools: [Tool]
  /// How long a call of the stateless era waits for its client to come back with an answer.
  let questionLifetime: Duration

  /// A server.
  package init(
    info: ServerInfo, instructions: String, tools: [Tool], questionLifetime: Duration = .seconds(600)
  ) {
    self.questionLifetime = questionLifetime
    self.info = info
    self.instructions = instructions
    self.tools = tools.sorted { $0.name < $1.name }
  }

  /// A connection of one client.
  ///
  /// - Parameter output: Gets whole messages, each with its line feed, from any thread; must not block.
  /// - Returns: A connection that has not seen a byte yet.
  package func connect(output: @escaping @Sendable ([UInt8]) -> Void) -> Connection {
    Connection(server: self, output: output)
  }

  /// The list as a client of that version gets it; its size is a budget that a test holds.
  package func toolList(for version: ProtocolVersion) -> [UInt8] {
    JSONWriter.compact(ResultEncoder(version: version, info: info).tools(tools))
  }
}
