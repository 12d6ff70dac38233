import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// What no client should send, and what a hostile page could make an agent send.
  @Suite(.withServer) struct BadInputStories {
    static let wrongArguments: [(tool: String, arguments: JSONValue, code: String, beginning: String)] = [
      ("add-host", ["host": "h", "username": "u"], "missing_argument", "Argument 'host_id' is missing: "),
      ("add-host", ["host_id": "h", "username": "u"], "missing_argument", "Argument 'host' is missing: "),
      ("add-host", ["host_id": "h", "host": "h"], "missing_argument", "Argument 'username' is missing: "),
      ("add-host", web("port", 0), "invalid_argument", "Argument 'port' must be "),
      ("add-host", web("port", 65_536), "invalid_argument", "Argument 'port' must be "),
      ("add-host", web("port", "x"), "invalid_argument", "Argument 'port' must be "),
      ("add-host", web("username", 7), "invalid_argument", "Argument 'username' must be "),
      ("add-host", web("colour", "red"), "unknown_argument", "Unknown argument 'colour'. This tool takes "),
      ("exec", ["session_id": "s"], "missing_argument", "Argument 'command' is missing: "),
      ("exec", ["command": "true"], "missing_argument", "Argument 'session_id' is missing: "),
      ("exec", ["session_id": "s", "command": ["ls"]], "invalid_argument", "Argument 'command' must be "),
      ("close-session", [:], "missing_argument", "Argument 'sessionId' is missing: "),
    ]

    private static func web(_ name: String, _ value: JSONValue) -> JSONValue {
      var arguments = JSONObject([("host_id", "h"), ("host", "h"), ("username", "u")])
      arguments[name] = value
      return .object(arguments)
    }

    @Test(arguments: [
      ("host", "-oProxyCommand=touch%20CANARY"), ("host", "h\n-oProxyCommand=touch CANARY"),
      ("host", "$(touch CANARY)"), ("host", "h;touch CANARY"), ("host", ""),
      ("username", "-oProxyCommand=touch CANARY"), ("username", "u\nv"), ("username", "`touch CANARY`"),
      ("keyPath", "k\nProxyCommand touch CANARY"), ("host_id", "a\nb"),
    ])
    func `a field cannot smuggle options or commands to ssh`(field: String, text: String) async throws {
      let home = try TemporaryDirectory()
      let canary = "\(home.path)/canary"
      try await ServerUnderTest.with(home: home) { server in
        var arguments = JSONObject([
          ("host_id", "h"), ("host", "127.0.0.1"), ("port", 1), ("username", "u"),
        ])
        arguments[field] = .string(text.replacingOccurrences(of: "CANARY", with: canary))
        let added = try await server.call("add-host", .object(arguments))
        #expect(added.isError, "\(added.text)")
        let identifier = arguments["host_id"] ?? "h"
        #expect(try await server.call("start-session", ["host_id": identifier]).isError)
      }
      #expect(!FileManager.default.fileExists(atPath: canary))
    }

    @Test(arguments: [
      "-oProxyCommand=touch CANARY", "-G", "u@-oProxyCommand=touch CANARY", "a b", "", "x\ny",
    ])
    func `a destination cannot be an option`(destination: String) async throws {
      let home = try TemporaryDirectory()
      let canary = "\(home.path)/canary"
      try await ServerUnderTest.with(home: home) { server in
        let text = destination.replacingOccurrences(of: "CANARY", with: canary)
        let result = try await server.call("start-session", ["host_id": .string(text)])
        #expect(result.isError)
      }
      #expect(!FileManager.default.fileExists(atPath: canary))
    }

    @Test(arguments: Self.wrongArguments)
    func `a wrong argument is named`(
      tool: String, arguments: JSONValue, code: String, beginning: String
    ) async throws {
      try await ServerUnderTest.with { server in
        let result = try await server.call(tool, arguments)
        #expect(result.isError(code, beginning), "\(result)")
      }
    }

    @Test(arguments: ["", "   ", "\n\t "])
    func `an empty command is refused`(command: String) async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          let result = try await server.exec(command)
          #expect(result.isError && result.text.hasPrefix("Command cannot be empty"))
        }
      }
    }

    @Test func `an unknown tool or method is an error of the protocol`() async throws {
      try await ServerUnderTest.with { server in
        let tool = try await server.request("tools/call", [("name", "no-such-tool"), ("arguments", [:])])
        #expect(tool["error"]?["code"]?.int == -32602)
        let method = try await server.request("no/such/method")
        #expect(method["error"]?["code"]?.int == -32601)
      }
    }

    @Test(arguments: [
      "{", "[1,]", "\u{1}", "not json", "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"ping\"}", "42",
    ])
    func `a malformed line is answered or passed over and the server goes on`(line: String) async throws {
      try await ServerUnderTest.with { server in
        server.sendLine(Array(line.utf8))
        let answer = try await server.request("ping")
        #expect(answer["result"] != nil)
      }
    }
  }
}
