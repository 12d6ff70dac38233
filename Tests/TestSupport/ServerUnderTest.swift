import Foundation
package import JSON
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The built server, driven as an MCP client drives it: one JSON line a message, answers matched by id.
package final class ServerUnderTest: Sendable {
  /// How a client opens the conversation.
  package enum Era: Sendable, Hashable {
    /// `initialize` with that protocol version.
    case initialize(String)
    /// No handshake: each request says its version, 2026-07-28.
    case stateless

    /// The two that most tests need only one of; this is the newest that shakes hands.
    package static let current = Era.initialize("2025-11-25")
  }

  /// The server's process; every byte of its output and error output is in its record.
  package let process: TestProcess
  private let inbox = Inbox()
  /// The home directory given to it.
  package let home: TemporaryDirectory
  /// Where its sockets are (`XDG_RUNTIME_DIR`).
  package let runtimeDirectory: String
  private let era: Era
  private let capabilities: JSONValue
  private let lastIdentifier = Mutex(0)
  private let writing = Mutex<Void>(())

  /// The binary that `swift build` made, beside the test bundle; `SSH_MCP_SERVER` names another.
  package static var binaryPath: String {
    if let path = ProcessInfo.processInfo.environment["SSH_MCP_SERVER"] { return path }
    var directory = URL(fileURLWithPath: CommandLine.arguments.first ?? "").resolvingSymlinksInPath()
    // On macOS the tests are loaded by another program, from Some.xctest/Contents/MacOS.
    if let bundle = Bundle.allBundles.first(where: { $0.bundlePath.hasSuffix(".xctest") }) {
      directory = bundle.bundleURL
    }
    return directory.deletingLastPathComponent().appendingPathComponent("ssh-mcp-sessions").path
  }

  /// Runs `body` with a server that has shaken hands, and ends the server by closing its input afterwards.
  ///
  /// - Parameters:
  ///   - sshd: Its ssh_config becomes `SSH_MCP_SSH_CONFIG`.
  ///   - home: A home directory to share with an earlier server; a fresh one when `nil`.
  ///   - environment: Beside the six variables that SDKs pass on.
  ///   - arguments: Its command line.
  ///   - launcher: A program with its arguments that becomes the server: `prlimit`, say.
  ///   - era: How to open the conversation.
  ///   - capabilities: What the client can.
  ///   - body: The test.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws; `DeadlineExceeded` when the server does not answer or does not end.
  package static func with<Success: Sendable>(
    _ sshd: LoopbackSSHD? = nil, home: TemporaryDirectory? = nil, environment: [String: String] = [:],
    arguments: [String] = [], launcher: [String] = [], era: Era = .current, capabilities: JSONValue = [:],
    _ body: (ServerUnderTest) async throws -> Success
  ) async throws -> Success {
    var environment = environment
    if let sshd { environment["SSH_MCP_SSH_CONFIG"] = sshd.sshConfigPath }
    let server = try ServerUnderTest(
      home: try home ?? TemporaryDirectory(), environment: environment, arguments: arguments,
      launcher: launcher, era: era, capabilities: capabilities)
    do {
      try await server.shakeHands()
      let result = try await body(server)
      server.process.closeInput()
      try await server.process.end(within: .seconds(10))
      return result
    } catch {
      FileHandle.standardError.write(
        Data(
          "--- error output of the failed test's server ---\n\(server.process.record.current.errorText)".utf8)
      )
      await server.kill()
      throw error
    }
  }

  /// Starts the server without saying anything to it.
  package init(
    home: TemporaryDirectory, environment: [String: String] = [:], arguments: [String] = [],
    launcher: [String] = [], era: Era = .current, capabilities: JSONValue = [:]
  ) throws {
    self.capabilities = capabilities
    self.home = home
    self.era = era
    runtimeDirectory = try home.makeDirectory("run")
    var all = [
      "HOME": home.path, "LOGNAME": NSUserName(), "PATH": "/usr/local/bin:/usr/bin:/bin", "SHELL": "/bin/sh",
      "TERM": "dumb", "USER": NSUserName(), "XDG_RUNTIME_DIR": runtimeDirectory,
    ]
    all.merge(environment) { $1 }
    let words = launcher + [Self.binaryPath] + arguments
    process = try TestProcess(words[0], Array(words.dropFirst()), environment: all)
  }

  /// Ends the server and all that it started, by force if need be; for tests that failed.
  package func kill() async {
    let family = ProcessTree.now().descendants(of: process.identifier).map(\.identifier)
    process.signal(SIGTERM)
    do { try await process.end(within: .seconds(5)) } catch { process.signal(SIGKILL) }
    for identifier in family where ProcessTree.isRunning(identifier) { Foundation.kill(identifier, SIGKILL) }
  }

  /// Opens the conversation as the era wants it; says nothing in the stateless one.
  @discardableResult
  package func shakeHands() async throws -> JSONValue? {
    guard case .initialize(let version) = era else { return nil }
    let answer = try await request(
      "initialize",
      [
        ("protocolVersion", .string(version)), ("capabilities", capabilities),
        ("clientInfo", ["name": "EndToEndTests", "version": "1"]),
      ])
    send(["jsonrpc": "2.0", "method": "notifications/initialized"])
    return answer
  }

  /// Sends one message as it is.
  package func send(_ message: JSONValue) {
    sendLine(JSONWriter.compact(message))
  }

  /// Sends bytes and a line feed, JSON or not.
  package func sendLine(_ bytes: [UInt8]) {
    writing.withLock { _ in process.write(bytes + [0x0A]) }
  }

  /// Sends a request and waits for its answer; several may wait at once.
  ///
  /// - Parameters:
  ///   - method: Its method.
  ///   - params: Its parameters; the stateless era adds its `_meta`.
  ///   - limit: How long the answer may take.
  /// - Returns: The whole answer, with `result` or `error`.
  /// - Throws: `DeadlineExceeded`; `FixtureFailure` when the server ended or wrote something that is not JSON.
  package func request(
    _ method: String, _ params: [(String, JSONValue)] = [], within limit: Duration = .seconds(20)
  ) async throws -> JSONValue {
    let identifier = begin(method, params)
    return try await answer(to: identifier, within: limit)
  }

  /// Sends a request and does not wait.
  ///
  /// - Returns: The id to ask for its answer, or to cancel it.
  package func begin(_ method: String, _ params: [(String, JSONValue)] = []) -> Int {
    var params = params
    if era == .stateless {
      params.append(
        (
          "_meta",
          [
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": ["name": "EndToEndTests", "version": "1"],
            "io.modelcontextprotocol/clientCapabilities": capabilities,
          ]
        ))
    }
    let identifier = lastIdentifier.withLock { last in
      last += 1
      return last
    }
    send([
      "jsonrpc": "2.0", "id": .int(identifier), "method": .string(method),
      "params": .object(JSONObject(params)),
    ])
    return identifier
  }

  /// Waits for the answer to a request that was begun.
  package func answer(to identifier: Int, within limit: Duration = .seconds(20)) async throws -> JSONValue {
    let record = try await process.record.wait(
      for: "the answer to request \(identifier)", within: limit
    ) { [inbox] in
      inbox.read($0.output)
      return inbox.answer(to: identifier) != nil || ($0.ending != nil && $0.openStreams == 0)
    }
    guard let answer = inbox.answer(to: identifier) else {
      throw FixtureFailure("the server ended instead of answering: \(record.errorText)")
    }
    return answer
  }

  /// Calls a tool and waits for what it says.
  ///
  /// - Parameters:
  ///   - tool: Its name.
  ///   - arguments: Its arguments.
  ///   - limit: How long it may take.
  /// - Returns: Its result.
  /// - Throws: As `request`; `FixtureFailure` for a JSON-RPC error.
  package func call(
    _ tool: String, _ arguments: JSONValue = [:], within limit: Duration = .seconds(20)
  ) async throws -> ToolResult {
    try ToolResult(
      await request("tools/call", [("name", .string(tool)), ("arguments", arguments)], within: limit))
  }

  /// Waits for a question of the server's to a person.
  ///
  /// - Parameters:
  ///   - number: Which one, from 1.
  ///   - limit: How long it may take.
  /// - Returns: The whole request `elicitation/create`.
  /// - Throws: `DeadlineExceeded` when it does not come; `FixtureFailure` when the server ended.
  package func question(_ number: Int = 1, within limit: Duration = .seconds(20)) async throws -> JSONValue {
    let record = try await process.record.wait(for: "question \(number)", within: limit) { [inbox] in
      inbox.read($0.output)
      return inbox.questions.count >= number || ($0.ending != nil && $0.openStreams == 0)
    }
    let all = inbox.questions
    guard all.count >= number else {
      throw FixtureFailure("the server ended instead of asking: \(record.errorText)")
    }
    return all[number - 1]
  }

  /// Every message that the server wrote, in order; a line that is no JSON becomes a string.
  package var messages: [JSONValue] {
    process.record.current.output.split(separator: 0x0A).map { line in
      (try? JSONParser.parse(Array(line))) ?? .string(String(decoding: line, as: UTF8.self))
    }
  }
}

/// What the server has said so far; each line is read once, however often it is looked for.
private final class Inbox: Sendable {
  private struct State {
    /// Bytes that have been read.
    var count = 0
    var answers: [Int: JSONValue] = [:]
    var questions: [JSONValue] = []
  }

  private let state = Mutex(State())

  /// Reads the lines that have been completed since.
  func read(_ output: [UInt8]) {
    state.withLock { state in
      while let end = output[state.count...].firstIndex(of: 0x0A) {
        let message = try? JSONParser.parse(Array(output[state.count..<end]))
        state.count = end + 1
        if message?["method"] == "elicitation/create" {
          message.map { state.questions.append($0) }
        } else if message?["method"] == nil, let identifier = message?["id"]?.int {
          state.answers[identifier] = message
        }
      }
    }
  }

  func answer(to identifier: Int) -> JSONValue? { state.withLock { $0.answers[identifier] } }

  var questions: [JSONValue] { state.withLock { $0.questions } }
}
