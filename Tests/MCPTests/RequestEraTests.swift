import JSON
import Testing

@testable import MCP

/// The ladder that decides what a request is and how it is served: the first rung that fits.
struct RequestEraTests {
  static let key = "io.modelcontextprotocol/"

  private func era(
    _ method: String, _ meta: String = "{}", negotiated: ProtocolVersion? = nil,
    offered: [Method] = Method.allCases
  ) throws(RPCError) -> RequestEra {
    let params = (try? JSONParser.parse(#"{"_meta":\#(meta)}"#))?.object ?? JSONObject()
    return try RequestEra(method, params, negotiated: negotiated, offered: offered)
  }

  private func code(
    _ method: String, _ meta: String = "{}", negotiated: ProtocolVersion? = nil,
    offered: [Method] = Method.allCases
  ) -> Int? {
    do throws(RPCError) {
      _ = try era(method, meta, negotiated: negotiated, offered: offered)
      return nil
    } catch { return error.code }
  }

  private func meta(_ version: String?, _ capabilities: String?, _ more: String? = nil) -> String {
    let members = [
      version.map { "\"\(Self.key)protocolVersion\":\($0)" },
      capabilities.map { "\"\(Self.key)clientCapabilities\":\($0)" }, more,
    ]
    return "{\(members.compactMap(\.self).joined(separator: ","))}"
  }

  private var modern: String { meta("\"2026-07-28\"", "{}") }

  @Test func `before a handshake only ping needs no envelope`() throws {
    #expect(try era("ping").version == .newestHandshake)
    for method in Method.allCases where method != .ping {
      #expect(code(method.rawValue) == -32602, "\(method)")
    }
  }

  @Test(arguments: ProtocolVersion.allCases.filter(\.hasHandshake))
  func `after a handshake its version serves what comes without an envelope`(_ version: ProtocolVersion)
    throws
  {
    let era = try era("tools/list", negotiated: version)
    #expect(era.version == version && era.capabilities == nil)
    #expect(code("server/discover", negotiated: version) == -32601)
    #expect(code("initialize", negotiated: version) == -32602, "its protocolVersion is no string")
  }

  @Test(arguments: [nil, .v2024_11_05, .v2025_11_25] as [ProtocolVersion?])
  func `an envelope decides for its message alone`(_ negotiated: ProtocolVersion?) throws {
    let era = try era(
      "server/discover", meta("\"2026-07-28\"", #"{"elicitation":{}}"#), negotiated: negotiated)
    #expect(era.version == .v2026_07_28 && era.capabilities == ["elicitation": [:]])
    #expect(code("ping", modern, negotiated: negotiated) == -32601)
    #expect(code("initialize", modern, negotiated: negotiated) == -32601)
  }

  @Test func `an unknown method is unknown before anything else`() {
    #expect(code("nonsense") == -32601)
    #expect(code("nonsense", meta("7", nil)) == -32601)
    #expect(code("nonsense", meta("\"2099-01-01\"", "{}")) == -32601)
    #expect(code("tasks/list", modern) == -32601)
    #expect(code("prompts/list", modern, offered: [.ping]) == -32601)
  }

  @Test(arguments: ["null", "7", "[]", "{}", "true"])
  func `a version that is no string is named`(_ version: String) {
    #expect(code("tools/list", meta(version, "{}")) == -32602)
    #expect(code("tools/list", meta(version, "{}"), negotiated: .v2025_11_25) == -32602)
  }

  @Test(arguments: ["null", "7", "[]", "\"\"", "true"])
  func `capabilities that are no object are named, before the version is judged`(_ capabilities: String) {
    #expect(code("tools/list", meta("\"2026-07-28\"", capabilities)) == -32602)
    #expect(code("tools/list", meta("\"2099-01-01\"", capabilities)) == -32602)
    #expect(code("tools/list", meta(nil, capabilities), negotiated: .v2025_11_25) == -32602)
  }

  @Test(arguments: ["", "2026-07-27", "2025-11-25", "2099-01-01", "2026-07-28 "])
  func `a version without a handshake that is not spoken is answered with those that are`(_ version: String) {
    #expect(code("tools/list", meta("\"\(version)\"", "{}")) == -32022)
    #expect(code("ping", meta("\"\(version)\"", "{}")) == -32022)
  }

  @Test(arguments: [
    ("\"info\"", nil), ("\"emergency\"", nil), ("\"loud\"", -32602), ("7", -32602), ("null", -32602),
    ("\"INFO\"", -32602),
  ])
  func `a level of the log is one of the eight`(_ level: String, _ expected: Int?) {
    let level = "\"\(Self.key)logLevel\":\(level)"
    #expect(code("tools/list", meta("\"2026-07-28\"", "{}", level)) == expected)
  }

  @Test(arguments: ["7", "[]", "null", "\"x\""])
  func `a meta that is no object is none`(_ meta: String) throws {
    #expect(code("tools/list", meta) == -32602)
    #expect(try era("tools/list", meta, negotiated: .v2025_03_26).version == .v2025_03_26)
  }

  @Test func `the client need not say who it is`() {
    #expect(code("tools/list", modern) == nil)
    #expect(code("tools/list", meta("\"2026-07-28\"", "{}", "\"\(Self.key)clientInfo\":7")) == nil)
  }
}
