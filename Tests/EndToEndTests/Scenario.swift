import Foundation
import JSON
import TestSupport
import Testing

/// A scenario of MCP's own conformance suite, which drives servers over HTTP, as it applies to this one.
struct Scenario: Sendable, CustomTestStringConvertible {
  enum Kind: Sendable {
    /// Played against the built server; throws what does not hold.
    case ours(@Sendable (Scene) async throws -> Void)
    /// Why it cannot apply.
    case notOurs(String)
  }

  /// The suite's name for it.
  let name: String
  /// What holds when it passes.
  let checks: String
  let kind: Kind

  init(_ name: String, _ checks: String, _ play: @escaping @Sendable (Scene) async throws -> Void) {
    self.name = name
    self.checks = checks
    kind = .ours(play)
  }

  init(_ name: String, _ checks: String, notOurs reason: String) {
    self.name = name
    self.checks = checks
    kind = .notOurs(reason)
  }

  var testDescription: String { name }

  static let all = handshake + stateless + questions + tasks + others

  /// What stands on the page for it: `pass`, what does not hold, or why it cannot apply.
  typealias Outcome = String

  func outcome(_ sshd: LoopbackSSHD) async -> Outcome {
    switch kind {
    case .notOurs(let reason): return "not ours: \(reason)"
    case .ours(let play):
      do {
        try await play(Scene(sshd: sshd))
        return "pass"
      } catch {
        return "fail: \(error)"
      }
    }
  }

  /// All of them, played side by side, since some wait for a command of more than ten seconds.
  static let outcomes = Task {
    try await LoopbackSSHD.with { sshd in
      // Those that wait come last in the table and begin first.
      var rest = all[...]
      return await withTaskGroup(of: (String, Outcome).self) { group in
        func addNext() {
          if let next = rest.popLast() { group.addTask { (next.name, await next.outcome(sshd)) } }
        }
        for _ in 0..<(tasks.count + others.count + 4) { addNext() }
        var outcomes: [String: Outcome] = [:]
        for await (name, outcome) in group {
          outcomes[name] = outcome
          addNext()
        }
        return outcomes
      }
    }
  }
}

/// Where a scenario is played: one sshd for all, a server of its own for each.
struct Scene: Sendable {
  let sshd: LoopbackSSHD

  static let tasks: JSONValue = ["extensions": ["io.modelcontextprotocol/tasks": [:]]]

  /// A server that shakes hands.
  func shaken(
    _ version: String = "2025-11-25", _ capabilities: JSONValue = [:],
    _ play: (ServerUnderTest) async throws -> Void
  ) async throws {
    try await ServerUnderTest.with(sshd, era: .initialize(version), capabilities: capabilities, play)
  }

  /// A server without a handshake.
  func stateless(_ capabilities: JSONValue = [:], _ play: (ServerUnderTest) async throws -> Void) async throws
  {
    try await ServerUnderTest.with(sshd, era: .stateless, capabilities: capabilities, play)
  }

  /// A server of either era, one after the other.
  func both(_ play: (ServerUnderTest) async throws -> Void) async throws {
    try await shaken { try await play($0) }
    try await stateless { try await play($0) }
  }
}

/// What does not hold in a scenario.
struct Broken: Error, CustomStringConvertible {
  let description: String
}

/// Ends the scenario unless it holds.
func demand(_ holds: Bool, _ what: String) throws {
  guard holds else { throw Broken(description: what) }
}

extension ServerUnderTest {
  /// Sends a line as it is written and waits for the answer to its id.
  func raw(_ line: String) async throws -> JSONValue {
    let id = try JSONParser.parse(line)["id"]
    sendLine(Array(line.utf8))
    return try await message("the answer to \(line)") { $0["id"] == id && $0["method"] == nil }
  }

  /// Waits for a message that fits.
  func message(
    _ what: String, within limit: Duration = .seconds(20), _ fits: @escaping @Sendable (JSONValue) -> Bool
  ) async throws -> JSONValue {
    try await messages(what, 1, within: limit, fits)[0]
  }

  /// Waits for so many messages that fit.
  func messages(
    _ what: String, _ count: Int, within limit: Duration = .seconds(20),
    _ fits: @escaping @Sendable (JSONValue) -> Bool
  ) async throws -> [JSONValue] {
    let found: @Sendable (TestProcess.Record) -> [JSONValue] = { record in
      record.output[..<(record.output.lastIndex(of: 0x0A) ?? 0)].split(separator: 0x0A)
        .compactMap { try? JSONParser.parse($0) }.filter(fits)
    }
    let record = try await process.record.wait(for: what, within: limit) {
      found($0).count >= count || $0.ending != nil
    }
    let all = found(record)
    guard all.count >= count else { throw FixtureFailure("the server ended before \(what)") }
    return all
  }

  /// The code of the error with which a request is answered; nil for a result.
  func code(_ method: String, _ params: [(String, JSONValue)] = []) async throws -> Int? {
    try await request(method, params)["error"]?["code"]?.int
  }
}
