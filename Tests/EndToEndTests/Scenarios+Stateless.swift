import Foundation
import JSON
import TestSupport

/// What clients without a handshake rely on: each request says its version and what its client can.
extension Scenario {
  private static let key = "io.modelcontextprotocol/"

  /// A request with that `_meta`, as JSON.
  private static func line(_ id: String, _ method: String, _ meta: String?) -> String {
    let params = meta.map { #"{"_meta":\#($0)}"# } ?? "{}"
    return #"{"jsonrpc":"2.0","id":"\#(id)","method":"\#(method)","params":\#(params)}"#
  }

  private static func meta(_ version: String?, _ capabilities: String?, _ more: String? = nil) -> String {
    let members = [
      version.map { "\"\(key)protocolVersion\":\($0)" },
      capabilities.map { "\"\(key)clientCapabilities\":\($0)" }, more,
    ]
    return "{\(members.compactMap(\.self).joined(separator: ","))}"
  }

  /// Demands the error -32602 that names the key.
  private static func refused(_ meta: String?, naming name: String, _ scene: Scene) async throws {
    try await scene.stateless { server in
      for (number, method) in ["tools/list", "server/discover", "tools/call", "resources/list"].enumerated() {
        let error = try await server.raw(line("\(number)", method, meta))["error"]
        try demand(error?["code"] == -32602, "\(method): \(error ?? .null)")
        try demand(error?["message"]?.string?.contains(key + name) == true, "\(method): the key is not named")
      }
    }
  }

  /// Every request that is answered with a result, with what it takes.
  private static let answered: [(method: String, params: [(String, JSONValue)])] = [
    ("server/discover", []), ("tools/list", []), ("tools/call", [("name", "list-hosts")]),
    ("resources/list", []), ("resources/templates/list", []),
    ("resources/read", [("uri", "ssh-mcp://hosts")]), ("prompts/list", []),
    ("prompts/get", [("name", "check-host"), ("arguments", ["host_id": "h"])]),
    (
      "completion/complete",
      [
        ("ref", ["type": "ref/prompt", "name": "check-host"]),
        ("argument", ["name": "host_id", "value": ""]),
      ]
    ),
  ]

  static let stateless: [Scenario] = [
    Scenario(
      "request-meta-invalid-missing-meta", "A request without `_meta` is the error -32602 that names the key"
    ) {
      try await refused(nil, naming: "protocolVersion", $0)
    },
    Scenario(
      "request-meta-invalid-missing-protocol-version",
      "A request without its version is the error -32602 that names the key"
    ) { try await refused(meta(nil, "{}"), naming: "protocolVersion", $0) },
    Scenario(
      "request-meta-invalid-missing-client-capabilities",
      "A request without its client's capabilities is the error -32602 that names the key"
    ) { try await refused(meta("\"2026-07-28\"", nil), naming: "clientCapabilities", $0) },
    Scenario("request-meta-client-info-optional", "A request need not say who the client is") { scene in
      try await scene.stateless { server in
        let answer = try await server.raw(line("1", "tools/list", meta("\"2026-07-28\"", "{}")))
        try demand(answer["result"]?["tools"]?.array != nil, "\(answer)")
      }
    },
    Scenario("implements-discover", "`server/discover` names versions, capabilities and instructions") {
      scene in
      try await scene.stateless { server in
        let result = try await server.request("server/discover")["result"]
        try demand(result?["resultType"] == "complete", "no resultType")
        try demand(result?["supportedVersions"]?.array?.first == "2026-07-28", "the newest is not first")
        try demand(result?["capabilities"]?["tools"]?.object != nil, "no tools")
        try demand(result?["instructions"]?.string?.isEmpty == false, "no instructions")
      }
    },
    Scenario("identifies-in-result-meta", "Every result says which server gave it") { scene in
      try await scene.stateless { server in
        for (method, params) in answered {
          let result = try await server.request(method, params)["result"]
          let info = result?["_meta"]?[key + "serverInfo"]
          try demand(info?["name"] == "ssh-mcp-sessions" && info?["version"]?.string != nil, method)
        }
      }
    },
    Scenario(
      "discover-capabilities-match-handlers", "What is declared is served, and what is not declared is -32601"
    ) { scene in
      try await scene.stateless { server in
        let capabilities = try await server.request("server/discover")["result"]?["capabilities"]
        try demand(
          Set(capabilities?.object?.names ?? [])
            == ["tools", "resources", "prompts", "completions", "extensions"], "\(capabilities ?? .null)")
        for (method, params) in answered {
          let code = try await server.code(method, params)
          try demand(code == nil, "\(method) gives \(code ?? 0)")
        }
        for method in ["logging/setLevel", "sampling/createMessage", "roots/list", "no/such/method"] {
          let code = try await server.code(method)
          try demand(code == -32601, "\(method) gives \(code ?? 0)")
        }
      }
    },
    Scenario("declares-prompts-in-discover", "Prompts are declared, and the list is not empty") { scene in
      try await scene.stateless { server in
        let result = try await server.request("server/discover")["result"]
        try demand(result?["capabilities"]?["prompts"] == [:], "not declared")
        let prompts = try await server.request("prompts/list")["result"]?["prompts"]?.array
        try demand(prompts?.isEmpty == false, "none")
      }
    },
    Scenario(
      "unsupported-version-error",
      "An unknown version is -32022 with it and with versions that `server/discover` names as well"
    ) { scene in
      try await scene.stateless { server in
        let known = try await server.request("server/discover")["result"]?["supportedVersions"]?.array ?? []
        for version in ["2099-01-01", "2025-11-25", ""] {
          let answer = try await server.raw(line("v\(version)", "tools/list", meta("\"\(version)\"", "{}")))
          let error = answer["error"]
          try demand(
            error?["code"] == -32022 && error?["data"]?["requested"] == .string(version), "\(answer)")
          let supported = error?["data"]?["supported"]?.array ?? []
          try demand(!supported.isEmpty && supported.allSatisfy(known.contains), "\(supported)")
        }
      }
    },
    Scenario(
      "rejects-undeclared-capability",
      "What needs a capability that the request does not declare is -32021 and names it, whatever an earlier one declared"
    ) { scene in
      try await scene.stateless(Scene.tasks) { server in
        try demand(
          try await server.code("tasks/get", [("taskId", "x")]) == -32602, "declared, and not served")
        for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
          let error = try await server.raw(line(method, method, meta("\"2026-07-28\"", "{}")))["error"]
          try demand(error?["code"] == -32021, "\(method): \(error ?? .null)")
          try demand(error?["data"]?["requiredCapabilities"] == Scene.tasks, "not named")
        }
      }
    },
    Scenario(
      "method-not-found", "Requests that this version has no more are -32601, although older ones have them"
    ) {
      scene in
      try await scene.stateless { server in
        for method in [
          "ping", "initialize", "logging/setLevel", "resources/subscribe", "resources/unsubscribe",
          "tasks/list",
          "tasks/result", "no/such/method",
        ] {
          let code = try await server.code(method, [("uri", "ssh-mcp://hosts")])
          try demand(code == -32601, "\(method) gives \(code ?? 0)")
        }
      }
    },
    Scenario(
      "error-jsonrpc-id", "An error bears the id of its request with its type, or none where there was none"
    ) {
      scene in
      try await scene.stateless { server in
        for id in ["1", "\"1\"", "\"\"", "-3"] {
          let answer = try await server.raw(#"{"jsonrpc":"2.0","id":\#(id),"method":"no/such/method"}"#)
          try demand(answer["error"]?["code"] == -32601, "\(answer)")
        }
        for line in ["{", #"{"jsonrpc":"2.0","id":null,"method":"ping"}"#] {
          server.sendLine(Array(line.utf8))
        }
        let errors = try await server.messages("both errors", 2) { $0["error"] != nil && $0["id"] == nil }
        try demand(errors.map { $0["error"]?["code"] } == [-32700, -32600], "\(errors)")
        try demand(errors.allSatisfy { $0.object?.names == ["jsonrpc", "error"] }, "an id of nothing")
      }
    },
    Scenario(
      "no-independent-requests-on-stream",
      "The server sends no request of its own, even where a person must be asked"
    ) { scene in
      try await LoopbackSSHD.with { sshd in
        try sshd.forgetHostKeys()
        try await Scene(sshd: sshd).stateless(EndToEnd.PersonStories.form) { server in
          let answer = try await server.request("tools/call", EndToEnd.PersonStories.start("bash"))
          try demand(answer["result"]?["resultType"] == "input_required", "\(answer)")
          _ = try await server.request("tools/list")
          try demand(server.messages.allSatisfy { $0["method"] == nil }, "a request or notification")
        }
      }
    },
    Scenario(
      "no-log-without-loglevel", "No `notifications/message` is sent, and a level that is none is refused"
    ) {
      scene in
      try await scene.stateless { server in
        try await server.open("bash")
        _ = try await server.exec("false")
        for (level, code) in [("\"debug\"", nil), ("\"loud\"", -32602)] as [(String, Int?)] {
          let meta = meta("\"2026-07-28\"", "{}", "\"\(key)logLevel\":\(level)")
          let answer = try await server.raw(line(level.filter { $0 != "\"" }, "tools/list", meta))
          try demand(answer["error"]?["code"]?.int == code, "\(answer)")
        }
        try demand(server.messages.allSatisfy { $0["method"] == nil }, "a notification")
      }
    },
    Scenario("sends-subscription-ack", "The first word on a subscription is its acknowledgement") { scene in
      try await listen(scene) { server, _ in
        let first = server.messages.first { $0["method"] != nil }
        try demand(first?["method"] == "notifications/subscriptions/acknowledged", "\(first ?? .null)")
      }
    },
    Scenario(
      "tags-subscription-id", "Everything on a subscription bears the id of its request, with its type"
    ) {
      scene in
      try await listen(scene) { server, id in
        let told = server.messages.filter { $0["method"] != nil }
        try demand(told.count == 2, "\(told.count) messages")
        for message in told {
          try demand(message["params"]?["_meta"]?[key + "subscriptionId"] == id, "\(message)")
        }
      }
    },
    Scenario("honors-notification-filter", "Only what was asked for and can be had is acknowledged and told")
    { scene in
      try await listen(scene) { server, _ in
        let told = server.messages.filter { $0["method"] != nil }
        let honoured = told.first?["params"]?["notifications"]
        try demand(honoured == ["resourceSubscriptions": ["ssh-mcp://hosts"]], "\(honoured ?? .null)")
        // The session of the scene was opened and closed meanwhile.
        try demand(told.dropFirst().allSatisfy { $0["params"]?["uri"] == "ssh-mcp://hosts" }, "\(told)")
      }
    },
    Scenario("caching", "Lists, discovery and what is read say how long they may be kept, and by whom") {
      scene in
      try await scene.stateless { server in
        for (method, params) in answered
        where !["tools/call", "prompts/get", "completion/complete"].contains(method) {
          let result = try await server.request(method, params)["result"]
          try demand((result?["ttlMs"]?.int ?? -1) >= 0, "\(method): no lifetime")
          let changes = ["resources/list", "resources/read"].contains(method)
          try demand(result?["cacheScope"] == (changes ? "private" : "public"), "\(method): another scope")
        }
        let call = try await server.request("tools/call", [("name", "list-hosts")])["result"]
        try demand(call?["ttlMs"] == nil && call?["cacheScope"] == nil, "a call may be kept")
      }
    },
  ]

  /// Subscribes to more than there is, changes a resource that was asked for and one that was not, and then looks.
  private static func listen(
    _ scene: Scene, _ look: (ServerUnderTest, _ id: JSONValue) throws -> Void
  ) async throws {
    try await scene.stateless { server in
      let id = server.begin(
        "subscriptions/listen",
        [
          (
            "notifications",
            [
              "toolsListChanged": true, "promptsListChanged": true,
              "resourceSubscriptions": ["ssh-mcp://hosts", "ssh-mcp://nope"],
            ]
          )
        ])
      try await server.open("bash")
      try await server.close()
      try await server.add(scene.sshd, as: "new")
      _ = try await server.message("an update") { $0["method"] == "notifications/resources/updated" }
      try look(server, .int(id))
    }
  }
}
