import Foundation
import JSON
import TestSupport

/// Calls that become tasks (extension io.modelcontextprotocol/tasks), and what the suite has besides.
extension Scenario {
  static let tasks: [Scenario] = [
    Scenario(
      "tasks-lifecycle",
      "A long command becomes a task, works, and is completed with the result of the call; then nothing changes any more"
    ) { scene in
      try await task(scene, "echo begun; sleep 15; echo over") { server, task in
        let working = try await server.task(task)
        try demand(working["status"] == "working", "\(working)")
        try demand(working["statusMessage"]?.string?.contains("begun") == true, "\(working)")
        let last = try await server.endedTask(task)
        let result = last["result"]
        try demand(last["status"] == "completed" && result?["resultType"] == "complete", "\(last)")
        try demand(result?["content"] == [["type": "text", "text": "begun\nover"]], "\(last)")
        try demand(result?["isError"] == false && last["statusMessage"] == nil, "\(last)")
        _ = try await server.request("tasks/cancel", [("taskId", task["taskId"] ?? .null)])
        try demand(try await server.task(task) == last, "it has changed")
      }
    },
    Scenario(
      "tasks-capability-negotiation",
      "The extension is declared in `server/discover` alone; only a request that declares it too is answered with a task"
    ) { scene in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for era in [ServerUnderTest.Era.stateless, .current] {
          group.addTask {
            let capabilities = era == .stateless ? [:] : Scene.tasks
            try await ServerUnderTest.with(scene.sshd, era: era, capabilities: capabilities) { server in
              let hello = try await server.request(
                era == .stateless ? "server/discover" : "initialize", [("protocolVersion", "2025-11-25")])
              let declared = hello["result"]?["capabilities"]
              try demand(declared?["tasks"] == nil, "the old tasks are declared")
              let isThere = declared?["extensions"] == Scene.tasks["extensions"]
              try demand(isThere == (era == .stateless), "\(declared ?? .null)")
              try await server.open("bash")
              let call = server.beginExec("sleep 30", [("wait_seconds", 11)])
              let result = try await server.answer(to: call)["result"]
              try demand(result?["taskId"] == nil, "a task: \(result ?? .null)")
              try demand(
                result?["content"]?.array?.first?["text"]?.string?.contains("still running") == true, "\(era)"
              )
            }
          }
        }
        try await group.waitForAll()
      }
    },
    Scenario(
      "tasks-wire-fields",
      "A task is flat, its times are ISO 8601, its durations whole milliseconds named `...Ms`"
    ) { scene in
      try await task(scene, "sleep 30") { _, task in
        let names = Set(task.object?.names ?? [])
        let wanted: Set = [
          "resultType", "taskId", "status", "statusMessage", "createdAt", "lastUpdatedAt", "ttlMs",
          "pollIntervalMs",
          "_meta",
        ]
        try demand(names == wanted, "\(names)")
        try demand((task["taskId"]?.string?.utf8.count ?? 0) >= 32, "an id that can be guessed")
        for name in ["createdAt", "lastUpdatedAt"] {
          let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
          try demand((try? format.parse(task[name]?.string ?? "")) != nil, name)
        }
        for name in ["ttlMs", "pollIntervalMs"] { try demand((task[name]?.int ?? 0) > 0, name) }
      }
    },
    Scenario(
      "tasks-request-state-removal", "No task has a state to be sent back, nor a field of the older tasks"
    ) {
      scene in
      try await task(scene, "sleep 11") { server, task in
        for value in [task, try await server.task(task), try await server.endedTask(task)] {
          for name in ["requestState", "ttl", "pollInterval", "task", "inputRequests"] {
            try demand(value[name] == nil, "\(name): \(value)")
          }
          let meta = value["_meta"]?.object?.names ?? []
          try demand(meta == ["io.modelcontextprotocol/serverInfo"], "\(meta)")
        }
      }
    },
    Scenario(
      "tasks-mrtr-input", "A task asks while it works", notOurs: "no tool that becomes a task asks anybody"),
    Scenario(
      "tasks-dispatch-and-envelope",
      "`tasks/get`, `update` and `cancel` answer with `complete` and for an unknown id with -32602; the older requests are -32601"
    ) { scene in
      try await task(scene, "sleep 300", [("task", ["ttl": 1])]) { server, task in
        let id: [(String, JSONValue)] = [("taskId", task["taskId"] ?? .null)]
        let answers = [("inputResponses", JSONValue.object(JSONObject([("x", ["action": "accept"])])))]
        try demand(try await server.task(task)["resultType"] == "complete", "get")
        for method in ["tasks/update", "tasks/cancel", "tasks/cancel"] {
          let result = try await server.request(method, id + answers)["result"]
          try demand(
            Set(result?.object?.names ?? []) == ["resultType", "_meta"], "\(method): \(result ?? .null)")
          try demand(result?["resultType"] == "complete", method)
        }
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
          let code = try await server.code(method, [("taskId", "nope")] + answers)
          try demand(code == -32602, "\(method) gives \(code ?? 0)")
        }
        for method in ["tasks/list", "tasks/result"] {
          let code = try await server.code(method, id)
          try demand(code == -32601, "\(method) gives \(code ?? 0)")
        }
        let last = try await server.endedTask(task)
        try demand(last["status"] == "cancelled" && last["result"] == nil, "\(last)")
      }
    },
    Scenario(
      "tasks-status-notifications",
      "Who listens to a task is told its end once, whole, under the id of the subscription"
    ) { scene in
      try await task(scene, "sleep 11; echo over") { server, task in
        let ids: JSONValue = [task["taskId"] ?? .null, "nope"]
        let listen = server.begin("subscriptions/listen", [("notifications", ["taskIds": ids])])
        let told = try await server.message("the end", within: .seconds(30)) {
          $0["method"] == "notifications/tasks"
        }
        let acknowledged = server.messages.first {
          $0["method"] == "notifications/subscriptions/acknowledged"
        }
        try demand(
          acknowledged?["params"]?["notifications"] == ["taskIds": [task["taskId"] ?? .null]],
          "no acknowledgement")
        let params = told["params"]
        try demand(params?["_meta"]?["io.modelcontextprotocol/subscriptionId"] == .int(listen), "\(told)")
        try demand(params?["status"] == "completed", "\(told)")
        let last = try await server.task(task)
        try demand(params?["result"]?["content"] == last["result"]?["content"], "another result")
        try demand(server.messages.filter { $0["method"] == "notifications/tasks" }.count == 1, "told twice")
      }
    },
    Scenario(
      "tasks-required-task-error", "A tool that can only be a task refuses who knows no tasks",
      notOurs: "every tool can be called without tasks"),
    Scenario(
      "tasks-mrtr-composition", "A call asks first and becomes a task then",
      notOurs: "the tool that asks, start-session, does not become a task"),
  ]

  /// A session in which that command has become a task.
  private static func task(
    _ scene: Scene, _ command: String, _ more: [(String, JSONValue)] = [],
    _ play: (ServerUnderTest, JSONValue) async throws -> Void
  ) async throws {
    try await scene.stateless(Scene.tasks) { server in
      try await server.open("bash")
      try await play(server, try await server.beginTask(command, more))
    }
  }

  static let others: [Scenario] = [
    ("dns-rebinding-protection", "a standard stream has no Host header"),
    ("server-sse-multiple-streams", "there is one stream"), ("server-sse-polling", "there is one stream"),
    ("http-standard-headers", "there are no headers"), ("http-custom-headers", "there are no headers"),
    ("session-lifecycle", "a connection is the life of the process"),
    ("logging-set-level", "the log goes to standard error, and the capability is not declared"),
    ("tools-call-with-logging", "the log goes to standard error, and the capability is not declared"),
    ("tools-call-sampling", "the server asks no model"),
    ("input-required-result-sampling", "the server asks no model"),
    ("input-required-result-list-roots", "the server has no use for roots"),
    ("tools-call-image", "the output of a shell is text"),
    ("tools-call-audio", "the output of a shell is text"),
    ("tools-call-embedded-resource", "the output of a shell is text"),
    ("tools-call-mixed-content", "the output of a shell is text"),
    ("resources-read-binary", "every resource is text"),
    ("prompts-get-embedded-resource", "every prompt is text"),
    ("prompts-get-with-image", "every prompt is text"),
    (
      "elicitation-sep1034-defaults",
      "the one form has no default, for nobody is to accept a key by pressing Return"
    ),
    ("elicitation-sep1330-enums", "the one form asks yes or no"),
  ].map { Scenario($0.0, "Nothing", notOurs: $0.1) }
}

extension ServerUnderTest {
  /// Runs a command until it has become a task.
  func beginTask(
    _ command: String, in session: String = "s", _ more: [(String, JSONValue)] = []
  ) async throws -> JSONValue {
    let arguments: JSONValue = ["session_id": .string(session), "command": .string(command)]
    let call = begin("tools/call", [("name", "exec"), ("arguments", arguments)] + more)
    let result = try await answer(to: call)["result"]
    guard result?["resultType"] == "task", let result else {
      throw Broken(description: "no task: \(result ?? .null)")
    }
    return result
  }

  /// How a task stands.
  func task(_ task: JSONValue) async throws -> JSONValue {
    let answer = try await request("tasks/get", [("taskId", task["taskId"] ?? .null)])
    return answer["result"] ?? answer
  }

  /// Waits until a task has ended.
  func endedTask(_ task: JSONValue, within limit: Duration = .seconds(30)) async throws -> JSONValue {
    // Told once; who comes too late is told at once.
    let listen = begin("subscriptions/listen", [("notifications", ["taskIds": [task["taskId"] ?? .null]])])
    _ = try await message("the end of the task", within: limit) { message in
      message["method"] == "notifications/tasks"
        && message["params"]?["_meta"]?["io.modelcontextprotocol/subscriptionId"] == .int(listen)
    }
    cancel(listen)
    return try await self.task(task)
  }
}
