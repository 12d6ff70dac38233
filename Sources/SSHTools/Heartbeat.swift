import ChildProcess
import MCP
import RemoteShell
import Synchronization

/// Tells a client that asked for it how a command is doing: at most once a second, at least every 15 s.
final class Heartbeat: Sendable {
  private let session: OpenSession
  private let number: Int
  private let progress: ProgressReporter
  private let state = Mutex(State())

  /// Between two looks.
  private static let pause: Duration = .seconds(1)
  /// Looks without news after which one is sent all the same.
  private static let quietLooks = 15

  private struct State {
    var timer: Reactor.Timer?
    var isStopped = false
    var looks = 0
    var sentAtLook = 0
    var sentBytes = 0
  }

  init(session: OpenSession, number: Int, progress: ProgressReporter) {
    self.session = session
    self.number = number
    self.progress = progress
  }

  func start(on reactor: Reactor) -> Heartbeat {
    arm(reactor)
    return self
  }

  func stop() {
    state.withLock { state in
      state.isStopped = true
      state.timer?.cancel()
    }
  }

  private func arm(_ reactor: Reactor) {
    state.withLock { state in
      guard !state.isStopped else { return }
      state.timer = reactor.after(Self.pause) { [weak self] in self?.look(reactor) }
    }
  }

  private func look(_ reactor: Reactor) {
    if let report = session.shell.report(on: number), !report.state.isFinal {
      let isNews = state.withLock { state in
        state.looks += 1
        guard
          report.outputBytes != state.sentBytes || state.looks - state.sentAtLook >= Self.quietLooks
        else { return false }
        state.sentBytes = report.outputBytes
        state.sentAtLook = state.looks
        return true
      }
      if isNews {
        let seconds = Double(report.elapsed.milliseconds) / 1000
        progress.report(progress: seconds, message: CommandText.progress(of: report))
      }
    }
    arm(reactor)
  }
}
