import JSON
import TestSupport
import Testing

struct JSONTests {
  @Test(arguments: [
    "null", "true", "[]", "{}", "[1,2.50,-0,1e400,12345678901234567890]", #"{"b":1,"a":{"c":[null]}}"#,
    #""é🙂\"\\\n\u0001""#, #""""#, #"["\ud83d","\uDC00x","a\/\ud83d\u0041\""]"#, #"{"é":1,"é":2}"#,
  ])
  func `what is read is written as it was`(_ text: String) throws {
    #expect(String(decoding: JSONWriter.compact(try JSONParser.parse(text)), as: UTF8.self) == text)
  }

  @Test(arguments: [
    ("", 1, 1), ("[1,]", 1, 4), ("{\"a\":1,}", 1, 8), ("\n  x", 2, 3), ("[01]", 1, 3), ("1.", 1, 3),
    ("\"\t\"", 1, 2), ("{\"\\ud800\":1}", 1, 3), ("{\"a\":1,\"a\":2}", 1, 8), ("nul", 1, 1), ("1 2", 1, 3),
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

  @Test(arguments: [
    (#"{"id":7,"a":["\ud83d"]}"#, 14), (#"{"id":7,"a":{"b":1,"b":2}}"#, 19), (#"{"id":7,"\udc00":1}"#, 9),
    (#"{"id":7,"a":[[[{"x":[1,{}],"y":"\n"},[]]]],"b":"\ud800"}"#, 13),
    (#"{"id":7,"a":["\ud83d"],"a":[[[1]]]}"#, 14),
  ])
  func `a text with the grammar of JSON is read to its end, and its first fault is told`(
    _ text: String, _ offset: Int
  ) throws {
    let reading = try JSONParser.read(Array(text.utf8), depthLimit: 2)
    #expect(reading.fault?.offset == offset)
    #expect(reading.value["id"] == 7)
  }

  @Test(arguments: [
    #"{"a":[[[1,]]]}"#, #"{"a":[[[1]}"#, #"{"a":[[[}]]]}"#, #"{"a":[[{"x"}]]}"#, #"{"a":[[{"x":1,}]]}"#,
    #"{"a":[[[tru]]]}"#, #"{"a":[[["#, #"["\ud83d",]"#, #"{"a":1,"a":2"#,
    #"["\ud800\u00"]"#, #"["\ud800\x"]"#,
  ])
  func `behind a fault the grammar counts`(_ text: String) {
    #expect(throws: JSONSyntaxError.self) { try JSONParser.read(Array(text.utf8), depthLimit: 2) }
    #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(Array(text.utf8), depthLimit: 2) }
  }

  @Test func `a name that comes twice has neither value, among few members and among many`() throws {
    for count in [1, 15, 16, 17, 40] {
      let members = (0..<count).map { "\"k\($0)\":\($0)" } + ["\"k0\":true", "\"é\":1", "\"e\u{301}\":2"]
      let reading = try JSONParser.read(Array("{\(members.joined(separator: ","))}".utf8))
      #expect(reading.fault?.reason == "the member \"k0\" is repeated")
      #expect(reading.value["k0"] == .null && reading.value["k\(count)"] == nil)
      #expect(reading.value["é"] == 1 && reading.value["e\u{301}"] == 2)
      #expect(reading.value.object?.members.count == count + 2)
    }
  }

  @Test func `texts are the same where their bytes are`() {
    #expect(JSONValue.string("é") != .string("e\u{301}"))
    #expect(Set<JSONValue>(["é", "e\u{301}", "é"]).count == 2)
    #expect(JSONObject([("é", 1)])["e\u{301}"] == nil)
  }

  @Test func `members are the same in any order, also where there are many`() {
    let inner: [JSONValue] = [["a": 1, "b": [["c": 2, "d": 3]]], ["b": [["d": 3, "c": 2]], "a": 1]]
    let many = (0..<5_000).map { ("k\($0)", JSONValue.array([.int($0), inner[0]])) }
    let other = (0..<5_000).map { ("k\($0)", JSONValue.array([.int($0), inner[1]])) }
    let object = JSONParser.object(many)
    #expect(object != nil && object?.isSame(inAnyOrderAs: JSONParser.object(other) ?? JSONObject()) == true)
    let backwards = JSONParser.object(other.reversed()) ?? JSONObject()
    #expect(object?.isSame(inAnyOrderAs: backwards) == true && object != backwards)
    var changed = backwards
    changed["k4999"] = 1
    #expect(object?.isSame(inAnyOrderAs: changed) == false)
    #expect(object?.isSame(inAnyOrderAs: JSONParser.object(many.dropLast()) ?? JSONObject()) == false)
    #expect(!JSONObject([("é", 1)]).isSame(inAnyOrderAs: JSONObject([("e\u{301}", 1)])))
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

extension JSONParser {
  /// An object of many members, which the parser makes in linear time.
  fileprivate static func object(_ members: [(String, JSONValue)]) -> JSONObject? {
    let texts = members.map { "\"\($0.0)\":\(String(decoding: JSONWriter.compact($0.1), as: UTF8.self))" }
    return (try? parse("{\(texts.joined(separator: ","))}"))?.object
  }
}
