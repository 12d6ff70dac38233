import JSON
import TestSupport
import Testing

struct JSONTests {
  @Test(arguments: [
    "null", "true", "[]", "{}", "[1,2.50,-0,1e400,12345678901234567890]", #"{"b":1,"a":{"c":[null]}}"#,
    #""é🙂\"\\\n\u0001""#, #""""#,
  ])
  func `what is read is written as it was`(_ text: String) throws {
    #expect(String(decoding: JSONWriter.compact(try JSONParser.parse(text)), as: UTF8.self) == text)
  }

  @Test(arguments: [
    ("", 1, 1), ("[1,]", 1, 4), ("{\"a\":1,}", 1, 8), ("\n  x", 2, 3), ("[01]", 1, 3), ("1.", 1, 3),
    ("\"\t\"", 1, 2), ("\"\\ud800\"", 1, 2), ("{\"a\":1,\"a\":2}", 1, 8), ("nul", 1, 1), ("1 2", 1, 3),
    ("[\n\n1\n 2]", 4, 2), ("\u{FEFF}1", 1, 1), ("\"\\x\"", 1, 2), ("\"abc", 1, 5), ("{1:2}", 1, 2),
  ])
  func `what is not JSON is refused with its place`(_ text: String, _ line: Int, _ column: Int) {
    let error = #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(text) }
    #expect(error?.line == line && error?.column == column, "\(error.map { "\($0)" } ?? "")")
  }

  @Test func `bytes that are not UTF-8 are refused`() {
    #expect(throws: JSONSyntaxError.self) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
  }

  @Test func `nesting is accepted up to the limit and not beyond`() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try JSONParser.parse(nested(JSONParser.defaultDepthLimit))
    #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(nested(JSONParser.defaultDepthLimit + 1)) }
    #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(nested(100_000)) }
  }

  @Test func `surrogate pairs are one character`() throws {
    #expect(try JSONParser.parse(#""\ud83d\ude42""#) == "🙂")
  }

  @Test(arguments: [("3", 3), ("3.0", 3), ("3e0", 3), ("-0", 0), ("3.5", nil), ("12345678901234567890", nil)])
  func `a number is an integer if it has no fraction and fits`(_ text: String, _ int: Int?) throws {
    #expect(try JSONParser.parse(text).int == int)
  }

  @Test func `random values survive writing and reading, compact and pretty`() throws {
    var generator = SeededGenerator(seed: .random(in: .min ... .max))
    for _ in 0..<300 {
      let value = Self.random(depth: 4, &generator)
      #expect(try JSONParser.parse(JSONWriter.compact(value)) == value, "seed \(generator.seed)")
      #expect(try JSONParser.parse(JSONWriter.pretty(value)) == value, "seed \(generator.seed)")
      #expect(!JSONWriter.compact(value).contains(0x0A))
    }
  }

  @Test func `random bytes never trap`() {
    var generator = SeededGenerator(seed: .random(in: .min ... .max))
    let alphabet = Array(#"{}[]":,\u0eE+-.19ntf "#.utf8) + [0xC3, 0xA9, 0x0A]
    for _ in 0..<5000 {
      let bytes = (0..<20).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
      _ = try? JSONParser.parse(bytes)
    }
  }

  static func random(depth: Int, _ generator: inout SeededGenerator) -> JSONValue {
    switch Int.random(in: 0...(depth > 0 ? 6 : 4), using: &generator) {
    case 0: return .null
    case 1: return .bool(.random(using: &generator))
    case 2: return .int(.random(in: .min ... .max, using: &generator))
    case 3: return .double(Double.random(in: -1e9...1e9, using: &generator))
    case 4:
      let scalars = (0..<8).compactMap { _ in Unicode.Scalar(UInt32.random(in: 0...0x2FFF, using: &generator))
      }
      return .string(String(String.UnicodeScalarView(scalars)))
    case 5: return .array((0..<3).map { _ in random(depth: depth - 1, &generator) })
    default:
      return .object(JSONObject((0..<3).map { ("k\($0)", random(depth: depth - 1, &generator)) }))
    }
  }
}
