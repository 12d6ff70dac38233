import Foundation
import JSON
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension EndToEnd {
  /// However the server ends, no process, socket or connection outlives it.
  @Suite(.withServer) struct EndingStories {
    enum Way: String, CaseIterable, Sendable, CustomStringConvertible {
      case endOfInput, SIGTERM, SIGINT, SIGHUP, SIGKILL

      var description: String { rawValue }

      func end(_ server: ServerUnderTest) {
        switch self {
        case .endOfInput: server.process.closeInput()
        case .SIGTERM: server.process.signal(15)
        case .SIGINT: server.process.signal(2)
        case .SIGHUP: server.process.signal(1)
        case .SIGKILL: server.process.signal(9)
        }
      }

      var ending: TestProcess.Ending { self == .SIGKILL ? .signaled(9) : .exited(0) }
    }

    /// The contract's 2 seconds (clients send SIGTERM then), and one for a busy machine.
    private let limit = Duration.seconds(3)

    @Test(arguments: Way.allCases)
    func `nothing is left and the next server is not disturbed`(way: Way) async throws {
      try await LoopbackSSHD.with { sshd in
        let home = try TemporaryDirectory()
        let server = try ServerUnderTest(
          home: home, environment: ["SSH_MCP_SSH_CONFIG": sshd.sshConfigPath])
        try await server.shakeHands()
        try await server.open("bash", "idle")
        try await server.open("bash", "busy")
        let running = "\(sshd.directory.path)/running"
        _ = server.begin(
          "tools/call",
          [
            ("name", "exec"),
            ("arguments", ["session_id": "busy", "command": .string(": >\(running); sleep 600")]),
          ])
        try await eventually("the command to run") { FileManager.default.fileExists(atPath: running) }
        let family = ProcessTree.now().descendants(of: server.process.identifier).map(\.identifier)
        #expect(!family.isEmpty && !sshd.connections.isEmpty)

        way.end(server)
        let record = try await server.process.record.wait(for: "the server to end", within: limit) {
          $0.ending != nil
        }
        #expect(record.ending == way.ending)
        try await eventually("the end of all that the server started") {
          !family.contains(where: ProcessTree.isRunning)
        }
        try await eventually("the connections to close") { sshd.connections.isEmpty }
        try await expectNoRuntimeFiles(of: server)

        try await ServerUnderTest.with(sshd, home: home) { next in
          try await next.open("bash", "idle")
          #expect(try await next.exec("echo hi", in: "idle").text == "hi")
        }
      }
    }

    @Test func `a server that is not asked for a session is one process without a file`() async throws {
      try await ServerUnderTest.with { server in
        _ = try await server.request("tools/list")
        #expect(try await server.call("list-hosts").isError == false)
        #expect(ProcessTree.now().descendants(of: server.process.identifier).isEmpty)
        #expect(Faults.files(below: server.runtimeDirectory).isEmpty)
      }
    }

    @Test func `a client that goes while a login waits leaves nothing either`() async throws {
      // Connections are taken by the kernel's backlog and never answered: a login that waits.
      try await LoopbackSSHD.with { sshd in
        kill(sshd.process.identifier, SIGSTOP)
        defer { kill(sshd.process.identifier, SIGCONT) }
        let server = try ServerUnderTest(
          home: try TemporaryDirectory(), environment: ["SSH_MCP_SSH_CONFIG": sshd.sshConfigPath])
        try await server.shakeHands()
        _ = server.begin("tools/call", [("name", "start-session"), ("arguments", ["host_id": "bash"])])
        let identifier = server.process.identifier
        try await eventually("ssh to run") {
          ProcessTree.now().descendants(of: identifier).contains { $0.commandLine.contains("bash") }
        }
        let family = ProcessTree.now().descendants(of: identifier).map(\.identifier)
        server.process.closeInput()
        try await server.process.record.wait(for: "the server to end", within: limit) { $0.ending != nil }
        try await eventually("the end of all that the server started") {
          !family.contains(where: ProcessTree.isRunning)
        }
        try await expectNoRuntimeFiles(of: server)
      }
    }

    /// Nothing but empty directories may stay below XDG_RUNTIME_DIR.
    private func expectNoRuntimeFiles(of server: ServerUnderTest) async throws {
      let directory = server.runtimeDirectory
      try await eventually("the run-time files to go") {
        let names = FileManager.default.enumerator(atPath: directory)?.allObjects as? [String] ?? []
        return names.allSatisfy { name in
          var isDirectory: ObjCBool = false
          let exists = FileManager.default.fileExists(
            atPath: "\(directory)/\(name)", isDirectory: &isDirectory)
          // A socket has no contents to follow, so a thing that is listed and does not exist counts as a file.
          return exists && isDirectory.boolValue
        }
      }
    }
  }
}
