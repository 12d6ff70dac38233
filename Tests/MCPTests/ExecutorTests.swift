import JSON
import MCP
import Synchronization
import Testing

/// Calls whose work is run by an executor of the tool's own.
@Suite(.timeLimit(.minutes(5)))
struct ExecutorTests {
  /// Runs each piece of a task on the thread that makes it ready, at once.
  final class Immediate: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) { job.runSynchronously(on: asUnownedTaskExecutor()) }
  }

  typealias Gate = Mutex<CheckedContinuation<Void, Never>?>

  final class Waiting: Sendable {
    let gate = Gate(nil)

    func wait() async {
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in gate.withLock { $0 = continuation } }
      } onCancel: {
        open()
      }
    }

    func open() { gate.withLock { $0.take() }?.resume() }
  }

  func client(_ begin: @escaping @Sendable (JSONObject, CallContext) -> PendingCall) -> Client {
    var tool = Tool.test("work", begin)
    tool.executor = Immediate()
    let client = Client(tools: [tool])
    client.initialize("2025-11-25")
    return client
  }

  let call = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"work"}}"#

  @Test func `work that needs nothing is done and answered while the call is read`() {
    let client = client { _, _ in { CallToolResult(text: "done") } }
    client.send(call)
    #expect(client.answers.first?["result"]?["content"]?.array?.first?["text"] == "done")
  }

  @Test func `work that waits is answered by whoever lets it go on`() {
    let waiting = Waiting()
    let client = client { _, _ in
      {
        await waiting.wait()
        return CallToolResult(text: "done")
      }
    }
    client.send(call)
    #expect(client.answers.isEmpty)
    waiting.open()
    #expect(client.answers.count == 1)
  }

  @Test func `a cancelled call ends at once and is not answered`() async {
    let waiting = Waiting()
    let client = client { _, _ in
      {
        await waiting.wait()
        return CallToolResult(text: "cancelled")
      }
    }
    client.send(call)
    client.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#)
    #expect(waiting.gate.withLock { $0 == nil })
    await client.end()
    #expect(client.answers.isEmpty)
  }
}
