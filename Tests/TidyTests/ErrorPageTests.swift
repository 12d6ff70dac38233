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

  @Test func `every test that the page names is there`() {
    let names = Set(
      TidyTests.files.flatMap(\.lines).compactMap { line in
        line.firstMatch(of: /func `(.+)`\(/).map { String($0.1) }
      })
    for row in Self.rows where row.test != "none" {
      #expect(names.contains(row.test), "\(row.code): \(row.test)")
    }
    #expect(Self.rows.count { $0.test == "none" } < 10)
  }
}
