import JSON
import Synchronization
import TestSupport
import Testing

@testable import MCP

/// Tasks as values of the process: what becomes of one, and which are kept.
@Suite(.timeLimit(.minutes(5)))
struct TaskTableTests {
  private func run() -> CallRun { CallRun(CallRun.Subject(tool: "t", arguments: JSONObject())) }

  private func add(to table: TaskTable, _ message: String = "m") throws -> BackgroundTask {
    try #require(table.add(run()) { message })
  }

  private let done = CallToolResult(text: "done")

  @Test func `a task works, then is completed, and stays so`() throws {
    let table = TaskTable(lifetime: .seconds(60))
    let task = try add(to: table, "half way")
    #expect(task.snapshot.status == .working(message: "half way") && !task.hasEnded)
    table.end(task, done)
    let first = task.snapshot
    #expect(first.status == .completed(done) && task.hasEnded)
    table.end(task, CallToolResult(text: "again"))
    task.cancel()
    #expect(task.snapshot == first)
    #expect(first.updated >= first.created && first.lifetime >= 60)
  }

  @Test func `a task that was cancelled works until its work has ended`() throws {
    let table = TaskTable(lifetime: .seconds(60))
    let task = try add(to: table)
    task.cancel()
    task.cancel()
    guard case .working = task.snapshot.status else { return #expect(Bool(false), "ended too early") }
    table.end(task, done)
    #expect(task.snapshot.status.name == "cancelled")
    table.end(task, done)
    #expect(task.snapshot.status.name == "cancelled")
  }

  @Test func `ids are long, and differ`() throws {
    let table = TaskTable(lifetime: .seconds(60))
    let ids = try (0..<50).map { _ in try add(to: table).id }
    #expect(Set(ids).count == 50 && ids.allSatisfy { $0.count == 64 })
    #expect(ids.allSatisfy { table[$0]?.id == $0 } && table["nope"] == nil)
  }

  @Test func `there are 64 at most, and one that a client knows the end of makes room`() throws {
    let table = TaskTable(lifetime: .seconds(60))
    let tasks = try (0..<TaskTable.limit).map { _ in try add(to: table) }
    #expect(TaskTable.limit == 64 && table.add(run()) { "" } == nil)
    // Ended, but nobody knows it yet; asked for, but it has not ended.
    table.end(tasks[5], done)
    tasks[7].noteFetched()
    #expect(table.add(run()) { "" } == nil)
    table.end(tasks[7], done)
    #expect(table.add(run()) { "" } == nil, "asking before the end is not knowing it")
    tasks[5].noteFetched()
    let late = try add(to: table)
    #expect(table[tasks[5].id] == nil && table[late.id] != nil)
    #expect(tasks.enumerated().allSatisfy { $0.offset == 5 || table[$0.element.id] != nil })
  }

  @Test func `the one whose end has been known longest makes room first`() throws {
    let table = TaskTable(lifetime: .seconds(60))
    let tasks = try (0..<TaskTable.limit).map { _ in try add(to: table) }
    let order = [40, 3, 17, 60, 8]
    for number in order {
      table.end(tasks[number], done)
      tasks[number].noteFetched()
    }
    for number in order {
      #expect(table[tasks[number].id] != nil)
      _ = try add(to: table)
      #expect(table[tasks[number].id] == nil, "\(number)")
    }
  }

  @Test func `an ended task is forgotten when its time is over`() async throws {
    let table = TaskTable(lifetime: .milliseconds(30))
    let working = try add(to: table)
    let ended = try add(to: table)
    table.end(ended, done)
    try await eventually("the task to expire") { table[ended.id] == nil }
    #expect(table[working.id] != nil, "what works is never forgotten")
  }

  @Test func `each end is told once, whoever ends it`() throws {
    let table = TaskTable(lifetime: .seconds(60))
    let told = Mutex<[String]>([])
    let observation = table.ends.add { task in told.withLock { $0.append(task.id) } }
    let tasks = try (0..<3).map { _ in try add(to: table) }
    table.end(tasks[0], done)
    tasks[1].cancel()
    table.end(tasks[1], done)
    table.end(tasks[0], done)
    #expect(told.withLock { $0 } == [tasks[0].id, tasks[1].id])
    withExtendedLifetime(observation) {}
  }

  @Test func `the end of the process cancels what works and forgets all`() async throws {
    let table = TaskTable(lifetime: .seconds(60))
    let (stream, cancelled) = AsyncStream.makeStream(of: Bool.self)
    let run = run()
    run.start(
      {
        try? await Task.sleep(for: .seconds(60))
        cancelled.yield(Task.isCancelled)
        cancelled.finish()
        return CallToolResult(text: "")
      }, listener: { _ in })
    let task = try #require(table.add(run) { "" })
    table.cancelAll()
    #expect(table[task.id] == nil)
    for await isCancelled in stream { #expect(isCancelled) }
    table.end(task, done)
    #expect(table[task.id] == nil, "a late end does not bring it back")
  }
}
