import Foundation
import JSON
import TestSupport

/// Questions to a person as results: the client calls again with the answer and the state (SEP-2322).
extension Scenario {
  /// A call that was answered with a question, and how it is repeated.
  private struct Asked: Sendable {
    let server: ServerUnderTest
    let result: JSONValue

    var state: JSONValue { result["requestState"] ?? .null }
    var key: String { result["inputRequests"]?.object?.names.first ?? "" }
    var question: JSONValue? { result["inputRequests"]?[key] }

    init(_ server: ServerUnderTest, _ more: [(String, JSONValue)] = []) async throws {
      self.server = server
      let answer = try await server.request("tools/call", EndToEnd.PersonStories.start("loop", more))
      result = answer["result"] ?? answer
    }

    func again(_ responses: JSONValue?, state: JSONValue? = nil, _ more: [(String, JSONValue)] = [])
      async throws
      -> Asked
    {
      try await Asked(
        server,
        [("requestState", state ?? self.state)] + (responses.map { [("inputResponses", $0)] } ?? []) + more)
    }

    func answered(_ answer: JSONValue) -> JSONValue { .object(JSONObject([(key, answer)])) }

    func demandQuestion(_ what: String) throws {
      try demand(result["resultType"] == "input_required" && state.string != nil, "\(what): \(result)")
    }
  }

  private static let yes = EndToEnd.PersonStories.accepts(true)
  private static let everyMode: JSONValue = ["elicitation": ["form": [:], "url": [:]]]

  /// A call to a host whose key is not known.
  private static func asked(
    _ capabilities: JSONValue = EndToEnd.PersonStories.form, passphrase: String = "",
    _ play: @escaping @Sendable (Asked, LoopbackSSHD) async throws -> Void
  ) async throws {
    try await LoopbackSSHD.with(.init(keyPassphrase: passphrase)) { sshd in
      try sshd.forgetHostKeys()
      try await Scene(sshd: sshd).stateless(capabilities) { server in
        try await server.add(sshd)
        try await play(try await Asked(server), sshd)
      }
    }
  }

  static let questions: [Scenario] = [
    Scenario(
      "input-required-result-basic-elicitation",
      "The result holds an `elicitation/create` with a form; called again with its answer the tool goes on"
    ) { _ in
      try await asked { asked, _ in
        try asked.demandQuestion("no question")
        try demand(asked.question?["method"] == "elicitation/create", "another method")
        let params = asked.question?["params"]
        try demand(params?["mode"] == "form" && params?["message"]?.string != nil, "no form")
        try demand(params?["requestedSchema"]?["type"] == "object", "no schema")
        let last = try await asked.again(asked.answered(yes)).result
        try demand(last["resultType"] == "complete" && last["isError"] == false, "\(last)")
      }
    },
    Scenario(
      "input-required-result-request-state",
      "The state is a string, is used once, and without it the tool asks anew"
    ) { _ in
      try await asked { asked, _ in
        let without = try await Asked(asked.server, [("inputResponses", asked.answered(yes))])
        try demand(without.result["isError"] == true, "the name of the session is taken by the first call")
        try demand((asked.state.string?.utf8.count ?? 0) >= 32, "a state that can be guessed")
        _ = try await asked.again(asked.answered(["action": "decline"]))
        let replayed = try await asked.again(asked.answered(yes)).result
        try demand(replayed["error"]?["code"] == -32602, "used twice: \(replayed)")
        let anew = try await Asked(asked.server)
        try anew.demandQuestion("not asked anew")
        try demand(anew.state != asked.state, "the same state again")
      }
    },
    Scenario(
      "input-required-result-multi-round",
      "A call asks twice, a form and then a page, each under a state of its own"
    ) { _ in
      try await asked(everyMode, passphrase: "right") { first, _ in
        let second = try await first.again(first.answered(yes))
        try second.demandQuestion("no second question")
        try demand(second.question?["params"]?["mode"] == "url", "no page")
        try demand(second.key != first.key && second.state != first.state, "the same key or state")
        let page = second.question?["params"]?["url"]?.string ?? ""
        _ = await HTTPRequest.post(page, secret: "right")
        let last = try await second.again(second.answered(["action": "accept"])).result
        try demand(last["resultType"] == "complete" && last["isError"] == false, "\(last)")
      }
    },
    Scenario(
      "input-required-result-missing-input-response", "A missing or malformed answer is asked for again"
    ) { _ in
      try await asked { asked, _ in
        var asked = asked
        for responses in [nil, [:], 7, asked.answered(7), asked.answered([:]), ["other": yes]] as [JSONValue?]
        {
          let next = try await asked.again(responses)
          try next.demandQuestion("not asked again")
          try demand(next.key == asked.key && next.state != asked.state, "another question, or an old state")
          asked = next
        }
        let last = try await asked.again(asked.answered(yes)).result
        try demand(last["isError"] == false, "\(last)")
      }
    },
    Scenario(
      "input-required-result-result-type", "The result has questions and state, and nothing of a finished one"
    ) {
      _ in
      try await asked { asked, _ in
        let names = asked.result.object?.names ?? []
        try demand(Set(names) == ["resultType", "inputRequests", "requestState", "_meta"], "\(names)")
      }
    },
    Scenario(
      "input-required-result-unsupported-methods",
      "No other request is answered with a question, and answers and states mean nothing to them"
    ) { scene in
      try await scene.stateless(everyMode) { server in
        for (method, params) in [
          ("server/discover", []), ("tools/list", []), ("resources/list", []), ("prompts/list", []),
          ("resources/read", [("uri", "ssh-mcp://hosts")]),
          ("prompts/get", [("name", "check-host"), ("arguments", ["host_id": "h"])]),
        ] as [(String, [(String, JSONValue)])] {
          let result = try await server.request(
            method, params + [("requestState", "x"), ("inputResponses", ["ask1": yes])])["result"]
          try demand(result?["resultType"] == "complete", "\(method): \(result ?? .null)")
        }
      }
    },
    Scenario(
      "input-required-result-tampered-state",
      "A state that was changed, made up or belongs to another call is -32602, and nothing is done"
    ) { _ in
      try await asked { asked, sshd in
        let text = asked.state.string ?? ""
        for state in [.string(text.dropLast() + "!"), "", "x", 7, .null, [:]] as [JSONValue] {
          let result = try await asked.again(asked.answered(yes), state: state).result
          try demand(result["error"]?["code"] == -32602, "\(state): \(result)")
        }
        let other = try await asked.server.request(
          "tools/call",
          [
            ("name", "start-session"), ("arguments", ["host_id": "loop", "sessionId": "other"]),
            ("requestState", asked.state), ("inputResponses", asked.answered(yes)),
          ])
        try demand(other["error"]?["code"] == -32602, "another call: \(other)")
        try demand(sshd.loginCount == 0, "logged in")
      }
    },
    Scenario(
      "input-required-result-capability-check",
      "A client that cannot ask is not asked; it is told what to do instead"
    ) { _ in
      for capabilities in [[:], ["elicitation": ["url": [:]]], ["elicitation": 7]] as [JSONValue] {
        try await asked(capabilities) { asked, _ in
          try demand(asked.result["resultType"] == "complete", "\(asked.result)")
          let text = asked.result["content"]?.array?.first?["text"]?.string ?? ""
          try demand(asked.result["isError"] == true && text.contains("accept_host_key"), text)
        }
      }
    },
    Scenario(
      "input-required-result-ignore-extra-params",
      "Answers to what was not asked and unknown members are passed over"
    ) { _ in
      try await asked { asked, _ in
        let responses: JSONValue = .object(JSONObject([("ask77", yes), (asked.key, yes), ("x", 7)]))
        let last = try await asked.again(responses, [("more", 7), ("task", ["ttl": 1])]).result
        try demand(last["resultType"] == "complete" && last["isError"] == false, "\(last)")
      }
    },
    Scenario(
      "input-required-result-validate-input", "An answer that does not fit its form is a no, never a yes"
    ) { _ in
      for answer in [
        ["action": "accept"], ["action": "accept", "content": [:]],
        ["action": "accept", "content": ["accept": "true"]],
        ["action": "accept", "content": ["accept": 1]], EndToEnd.PersonStories.accepts(false),
        ["action": "decline"],
        ["action": "cancel"],
      ] as [JSONValue] {
        try await asked { asked, sshd in
          let last = try await asked.again(asked.answered(answer)).result
          try demand(last["isError"] == true, "\(answer): \(last)")
          try demand(sshd.loginCount == 0 && sshd.directory.read("known_hosts") == "", "accepted")
        }
      }
    },
  ]
}
