import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// The scenarios of MCP's conformance suite; Conformance.md says what came of each.
  @Suite(.withServer) struct ConformanceStories {
    @Test(arguments: Scenario.all)
    func `the page says what came of`(scenario: Scenario) async throws {
      let outcome = try await Scenario.outcomes.value[scenario.name] ?? "not played"
      let row = try ConformancePage.read().rows.first { $0.name == scenario.name }
      #expect(row == ConformancePage.Row(name: scenario.name, checks: scenario.checks, outcome: outcome))
    }

    @Test func `the page has these scenarios and no others, each once`() async throws {
      if ProcessInfo.processInfo.environment["SSH_MCP_WRITE_CONFORMANCE"] == "1" {
        try ConformancePage.write(try await Scenario.outcomes.value)
      }
      #expect(try ConformancePage.read().rows.map(\.name) == Scenario.all.map(\.name))
      #expect(Set(Scenario.all.map(\.name)).count == Scenario.all.count)
    }
  }
}

/// The tables of Conformance.md, read and written.
struct ConformancePage {
  struct Row: Equatable {
    let name: String
    let checks: String
    let outcome: String
  }

  let rows: [Row]

  private static let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
    .appending(path: "Sources/ssh-mcp-sessions/Documentation.docc/Conformance.md")

  static func read() throws -> ConformancePage {
    let rows = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").compactMap {
      line -> Row? in
      guard let match = line.wholeMatch(of: /\| ([a-z][a-z0-9-]+) \| (.*) \| (.*) \|/) else { return nil }
      return Row(name: String(match.1), checks: String(match.2), outcome: String(match.3))
    }
    return ConformancePage(rows: rows)
  }

  /// Writes the tables anew behind what stands before the first of them.
  static func write(_ outcomes: [String: String]) throws {
    var text = try String(contentsOf: url, encoding: .utf8)
    text = String(text[..<(text.range(of: "\n## ")?.lowerBound ?? text.endIndex)])
    for (title, scenarios) in [
      ("With a handshake", Scenario.handshake), ("Without one, 2026-07-28", Scenario.stateless),
      ("Questions to a person, 2026-07-28", Scenario.questions), ("Tasks, 2026-07-28", Scenario.tasks),
      ("What cannot apply", Scenario.others),
    ] {
      text += "\n## \(title)\n\n| Scenario | What is checked | Outcome |\n|---|---|---|\n"
      for scenario in scenarios {
        text += "| \(scenario.name) | \(scenario.checks) | \(outcomes[scenario.name] ?? "not played") |\n"
      }
    }
    try text.write(to: url, atomically: true, encoding: .utf8)
  }
}
