import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// A command of more than ten seconds is a task for a client that knows tasks.
  ///
  /// Each story waits for ten seconds, so they are played side by side, each in a session of its own.
  @Suite(.withServer) struct TaskStories {
    private typealias Story = @Sendable (ServerUnderTest, LoopbackSSHD) async throws -> Void

    @Test func `tasks are what their commands are`() async throws {
      let stories: [Story] = [
        beside, waiting, cancelled, survivor, closed, failing, quick,
      ]
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd, era: .stateless, capabilities: Scene.tasks) { server in
          try await withThrowingTaskGroup(of: Void.self) { group in
            for story in stories { group.addTask { try await story(server, sshd) } }
            try await group.waitForAll()
          }
        }
      }
    }

    /// While it works it can be asked, read and answered; the next command is refused, and afterwards served.
    private let beside: Story = { server, sshd in
      try await server.open("bash", "beside")
      let fifo = "\(sshd.directory.path)/beside"
      let task = try await server.beginTask(
        "mkfifo \(fifo); echo first; read x <\(fifo); echo \"$x\"", in: "beside")
      #expect(
        task["statusMessage"]?.string?.wholeMatch(of: /running [0-9.]+ s, \d+ bytes: first/) != nil, "\(task)"
      )
      let read = try await server.call("read-output", ["session_id": "beside", "wait_seconds": 0])
      #expect(read.text.hasPrefix("first\n[still running"), "\(read)")
      let busy = try await server.exec("echo no", in: "beside")
      #expect(busy.isError && busy.text.hasPrefix("Session 'beside' is busy"), "\(busy)")
      let list = try await server.call("list-sessions").text
      #expect(list.contains("session=beside") && list.contains("state=running("), "\(list)")
      #expect(try await server.task(task)["status"] == "working")
      let writing = FileHandle(forWritingAtPath: fifo)
      try writing?.write(contentsOf: Data("second\n".utf8))
      try writing?.close()
      let last = try await server.endedTask(task)
      #expect(last["result"]?["content"]?.array?.first?["text"] == "first\nsecond", "\(last)")
      #expect(try await server.exec("echo next", in: "beside").text == "next")
    }

    /// A question ends the task: whoever began it must answer.
    private let waiting: Story = { server, _ in
      try await server.open("bash", "waiting")
      let task = try await server.beginTask("sleep 10.5; read -p 'Name? ' x; echo \"<$x>\"", in: "waiting")
      let last = try await server.endedTask(task)
      let text = last["result"]?["content"]?.array?.first?["text"]?.string ?? ""
      #expect(
        last["status"] == "completed" && text.hasPrefix("Name? \n[waiting for input: ")
          || text.hasPrefix("Name?\n[waiting for input: "), "\(last)")
      #expect(last["result"]?["isError"] == false)
      // To cancel it now changes nothing, neither the task nor the program.
      _ = try await server.request("tasks/cancel", [("taskId", task["taskId"] ?? .null)])
      #expect(try await server.task(task) == last)
      #expect(try await server.type("me", in: "waiting").text.contains("<me>"))
    }

    /// Cancelled is said when the processes are proved to be gone, not before.
    private let cancelled: Story = { server, _ in
      try await server.open("bash", "cancelled")
      let unique = "77\(UInt32.random(in: 1_000_000...9_999_999))"
      let task = try await server.beginTask("sleep \(unique)", in: "cancelled")
      #expect(ProcessTree.now().processes(mentioning: "sleep \(unique)").count >= 1)
      _ = try await server.request("tasks/cancel", [("taskId", task["taskId"] ?? .null)])
      let last = try await server.endedTask(task)
      let left = ProcessTree.now().processes(mentioning: unique).filter { $0.state != "Z" }
      #expect(left.isEmpty, "\(left)")
      #expect(last["status"] == "cancelled" && last["result"] == nil)
      #expect(
        last["statusMessage"]?.string?.contains("the process is gone, the session is usable") == true,
        "\(last)")
      #expect(try await server.exec("echo usable", in: "cancelled").text == "usable")
    }

    /// The same for a program that ignores what is asked of it.
    private let survivor: Story = { server, _ in
      try await server.open("bash", "survivor")
      let unique = "78\(UInt32.random(in: 1_000_000...9_999_999))"
      let task = try await server.beginTask(
        "bash -c 'trap \"\" INT TERM HUP QUIT; while :; do sleep 1; : \(unique); done'", in: "survivor")
      _ = try await server.request("tasks/cancel", [("taskId", task["taskId"] ?? .null)])
      let working = try await server.task(task)
      if working["status"] == "working" { #expect(working["statusMessage"] == "being stopped") }
      let last = try await server.endedTask(task)
      let left = ProcessTree.now().processes(mentioning: unique).filter { $0.state != "Z" }
      #expect(left.isEmpty && last["status"] == "cancelled", "\(last) \(left)")
      #expect(try await server.exec("echo usable", in: "survivor").text == "usable")
    }

    private let closed: Story = { server, _ in
      try await server.open("bash", "closed")
      let task = try await server.beginTask("sleep 300", in: "closed")
      try await server.close("closed")
      let last = try await server.endedTask(task)
      let text = last["result"]?["content"]?.array?.first?["text"]?.string ?? ""
      #expect(last["status"] == "completed" && last["result"]?["isError"] == true, "\(last)")
      #expect(text.hasPrefix("[session ended: "), "\(text)")
    }

    private let failing: Story = { server, _ in
      try await server.open("bash", "failing")
      let task = try await server.beginTask("echo why; sleep 10.5; (exit 3)", in: "failing")
      let last = try await server.endedTask(task)
      #expect(last["status"] == "completed" && last["result"]?["isError"] == true)
      #expect(last["result"]?["content"]?.array?.first?["text"] == "Error (code 3):\nwhy", "\(last)")
    }

    /// What ends, asks or is to return before ten seconds is no task.
    private let quick: Story = { server, _ in
      try await server.open("bash", "quick")
      #expect(try await server.exec("echo x", in: "quick").value["resultType"] == "complete")
      #expect(try await server.exec("read -p '? ' x", in: "quick").isWaiting)
      _ = try await server.press("ctrl-c", in: "quick")
      let call = server.beginExec("sleep 300", in: "quick", [("wait_seconds", 10)])
      let handedOff = try await server.result(of: call)
      #expect(handedOff.text.contains("[still running"), "\(handedOff)")
    }

    @Test func `the end of the client leaves nothing of a task`() async throws {
      let unique = "79\(UInt32.random(in: 1_000_000...9_999_999))"
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd, era: .stateless, capabilities: Scene.tasks) { server in
          try await server.open("bash")
          let task = try await server.beginTask("sleep \(unique)")
          let listen: JSONValue = ["taskIds": [task["taskId"] ?? .null]]
          _ = server.begin("subscriptions/listen", [("notifications", listen)])
          _ = try await server.message("the acknowledgement") { $0["method"] != nil }
          server.process.closeInput()
          let record = try await server.process.end(within: .seconds(5))
          #expect(record.ending == .exited(0))
          #expect(!record.text.contains("notifications/tasks\""), "\(record.text)")
          try await eventually("the command to be gone") {
            !ProcessTree.now().processes(mentioning: unique).contains { $0.state != "Z" }
          }
        }
        try await eventually("the connection to close") { sshd.connections.isEmpty }
      }
    }
  }
}
