import Foundation
import JSON
import Synchronization

/// A call that goes on after its request was answered (MCP extension io.modelcontextprotocol/tasks).
///
/// Legal transitions: working to completed, working to cancelled; an ended one does not change any more.
final class BackgroundTask: Sendable {
  /// How it stands.
  enum Status: Sendable, Hashable {
    case working(message: String)
    case completed(CallToolResult)
    /// Stopped; the message is the last line of what its work said.
    case cancelled(message: String)
  }

  /// What is known of it at one moment.
  struct Snapshot: Sendable, Hashable {
    let id: String
    let status: Status
    let created: Date
    /// When the status last changed.
    let updated: Date
    /// How long after its creation it is kept, at least.
    let lifetime: TimeInterval
  }

  let id = RandomToken.make()
  private let created = Date()
  private let began = ContinuousClock.now
  private let lifetime: TimeInterval
  private let run: CallRun
  private let message: @Sendable () -> String
  private let state = Mutex(State())

  private struct State {
    var end: (status: Status, at: Date, after: Duration)?
    var isCancelled = false
    /// When a client was first given the result.
    var fetched: ContinuousClock.Instant?
  }

  /// - Parameters:
  ///   - run: The work.
  ///   - lifetime: How long it is kept after its end, in seconds.
  ///   - message: How far it is, in one line.
  init(_ run: CallRun, lifetime: TimeInterval, message: @escaping @Sendable () -> String) {
    self.run = run
    self.lifetime = lifetime
    self.message = message
  }

  var snapshot: Snapshot {
    let (end, isCancelled) = state.withLock { ($0.end, $0.isCancelled) }
    // By a clock that nobody sets.
    let age = end?.after ?? began.duration(to: .now)
    return Snapshot(
      id: id, status: end?.status ?? .working(message: isCancelled ? "being stopped" : message()),
      created: created, updated: end?.at ?? created,
      lifetime: age / .seconds(1) + lifetime)
  }

  var hasEnded: Bool { state.withLock { $0.end != nil } }

  /// Since when a client knows the result, so that it may be forgotten when there is need.
  var fetched: ContinuousClock.Instant? { state.withLock { $0.fetched } }

  func noteFetched() { state.withLock { if $0.end != nil { $0.fetched = $0.fetched ?? .now } } }

  /// Asks the work to end; what has ended stays as it is.
  func cancel() {
    state.withLock { $0.isCancelled = true }
    run.cancel()
  }

  /// The work has ended.
  ///
  /// - Returns: False if it had ended before.
  fileprivate func end(_ result: CallToolResult) -> Bool {
    state.withLock { state in
      guard state.end == nil else { return false }
      let lastLine = result.text.split(separator: "\n").last.map(String.init) ?? ""
      state.end = (
        state.isCancelled ? .cancelled(message: lastLine) : .completed(result), Date(),
        began.duration(to: .now)
      )
      return true
    }
  }
}

/// The tasks of the process, whichever connection began them: their ids are not to be guessed.
final class TaskTable: Sendable {
  /// Tasks at once, ended ones that nobody has asked for included.
  static let limit = 64

  /// Told of each task that has ended.
  let ends = Observers<BackgroundTask>()
  private let lifetime: Duration
  private let state = Mutex<[ByteKey: Entry]>([:])

  private struct Entry {
    let task: BackgroundTask
    var expiry: Task<Void, Never>?
  }

  /// - Parameter lifetime: How long an ended task is kept.
  init(lifetime: Duration) {
    self.lifetime = lifetime
  }

  /// Makes a task of a call.
  ///
  /// - Parameters:
  ///   - run: The call; its end becomes the task's.
  ///   - message: How far it is, in one line.
  /// - Returns: The task, to be found from now on; nil when there are too many.
  func add(_ run: CallRun, message: @escaping @Sendable () -> String) -> BackgroundTask? {
    let task = BackgroundTask(run, lifetime: lifetime / .seconds(1), message: message)
    return state.withLock { entries in
      if entries.count >= Self.limit, let old = Self.longestKnown(of: entries.values) {
        old.expiry?.cancel()
        entries[ByteKey(old.task.id)] = nil
      }
      guard entries.count < Self.limit else { return nil }
      entries[ByteKey(task.id)] = Entry(task: task)
      return task
    }
  }

  /// The task whose result a client has known longest.
  private static func longestKnown(of entries: some Sequence<Entry>) -> Entry? {
    entries.compactMap { entry in entry.task.fetched.map { (entry, $0) } }.min { $0.1 < $1.1 }?.0
  }

  subscript(id: String) -> BackgroundTask? { state.withLock { $0[ByteKey(id)]?.task } }

  func remove(_ id: String) {
    state.withLock { $0.removeValue(forKey: ByteKey(id)) }?.expiry?.cancel()
  }

  /// The task's work has ended: it is told, and kept for its lifetime.
  func end(_ task: BackgroundTask, _ result: CallToolResult) {
    guard task.end(result) else { return }
    state.withLock { entries in
      guard entries[ByteKey(task.id)] != nil else { return }
      entries[ByteKey(task.id)]?.expiry = Task { [lifetime, weak self] in
        do { try await Task.sleep(for: lifetime) } catch { return }
        self?.remove(task.id)
      }
    }
    ends.post(task)
  }

  /// Stops all of them.
  func cancelAll() {
    let entries = state.withLock { entries in
      defer { entries = [:] }
      return Array(entries.values)
    }
    for entry in entries {
      entry.expiry?.cancel()
      entry.task.cancel()
    }
  }
}

/// A tool's way to let a call go on after its request was answered; only where the client wants that.
package struct TaskOffer: Sendable {
  private let perform: @Sendable (@escaping @Sendable () -> String) -> Bool

  init(perform: @escaping @Sendable (@escaping @Sendable () -> String) -> Bool) {
    self.perform = perform
  }

  /// Answers the request with a task; the call's result becomes the task's.
  ///
  /// - Parameter message: How far the work is, in one line; asked for whenever a client asks.
  /// - Returns: False if there are too many tasks or the call was cancelled: then it goes on as before.
  package func take(message: @escaping @Sendable () -> String) -> Bool { perform(message) }
}
