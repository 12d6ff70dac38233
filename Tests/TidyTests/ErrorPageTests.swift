import Foundation
import Testing

/// Errors.md has every stable code of the sources, and no other.
struct ErrorPageTests {
  static let page =
    (try? String(
      contentsOf: TidyTests.root.appending(path: "Sources/ssh-mcp-sessions/Documentation.docc/Errors.md"),
      encoding: .utf8)) ?? ""

  /// The rows of the page's tables: code and test.
  static let rows = page.split(separator: "\n").compactMap { line -> (code: String, test: String)? in
    guard let match = line.wholeMatch(of: /\| `([a-z_]+)` \| .+ \| .+ \| (.+) \|/) else { return nil }
    return (String(match.1), String(match.2))
  }

  /// The codes that the sources can tell: literal ones, and those of the failures' `code` properties.
  static let codes: Set<String> = {
    var codes: Set<String> = []
    for file in TidyTests.files where file.name.hasPrefix("Sources") {
      var isInCode = false
      for line in file.lines {
        if let match = line.firstMatch(of: /\bcode: "([a-z_]+)"/) { codes.insert(String(match.1)) }
        if line.contains("var code: String {") { isInCode = true }
        if line == "  }" { isInCode = false }
        if isInCode, let match = line.firstMatch(of: /case .+: "([a-z_]+)"/) { codes.insert(String(match.1)) }
      }
    }
    return codes
  }()

  @Test func `the page and the sources have the same codes`() {
    #expect(Self.codes.count > 50)
    let documented = Set(Self.rows.map(\.code))
    #expect(Self.codes.subtracting(documented).isEmpty)
    #expect(documented.subtracting(Self.codes).isEmpty)
  }

  /// The codes whose tests cannot drive the built server; the page has the reasons.
  static let libraryCodes: Set<String> = [
    "waiting_for_input", "cannot_start", "session_of_other_host", "session_ended",
  ]

  @Test func `every code has a story of the built server, which looks at the code`() {
    for row in Self.rows {
      let folder =
        Self.libraryCodes.contains(row.code) ? "Tests/SSHMCPSessionsTests/" : "Tests/EndToEndTests/"
      let stories = TidyTests.files.filter { file in
        file.name.hasPrefix(folder) && file.lines.contains { $0.contains("func `\(row.test)`(") }
      }
      #expect(stories.count == 1, "\(row.code): \(row.test)")
      let isLookedAt = stories.contains { $0.lines.contains { $0.contains("\"\(row.code)\"") } }
      #expect(isLookedAt, "\(row.code): its story does not mention it")
    }
    let text = Self.page.replacing("\n", with: " ")
    for code in Self.libraryCodes { #expect(text.contains("`\(code)`, since "), "\(code) needs its reason") }
  }
}
