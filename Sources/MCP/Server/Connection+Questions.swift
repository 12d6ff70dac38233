import JSON
import Synchronization

extension Connection {
  /// How the person at the client can be asked for a call; nil if the client cannot.
  func elicitor(_ request: Request, _ number: UInt64, _ run: CallRun) -> Elicitor? {
    let encoder = request.encoder
    guard request.era.version.hasHandshake else {
      let modes = ElicitationMode.declared(in: request.era.capabilities, version: request.era.version)
      guard !modes.isEmpty else { return nil }
      return Elicitor(modes: modes, perform: { await run.ask($0) }, announceEnd: { _ in })
    }
    let modes = state.withLock { $0.modes }
    guard !modes.isEmpty else { return nil }
    return Elicitor(
      modes: modes,
      perform: { [weak self] in await self?.ask($0, of: request.id, number, encoder) ?? .unavailable },
      announceEnd: { [weak self] name in
        if let message = encoder.elicitationComplete(name) { self?.sendUnlessEnded(message) }
      })
  }

  /// Asks with a request of our own.
  private func ask(
    _ request: ElicitationRequest, of call: RequestID, _ number: UInt64, _ encoder: ResultEncoder
  ) async -> ElicitationAnswer {
    let key = state.withLock { $0.questions.nextKey() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOpen = state.withLock { state in
          guard state.calls[call]?.number == number, !state.isEnded else { return false }
          state.questions.add(OpenQuestions.Entry(key: key, call: number, continuation: continuation))
          return true
        }
        guard isOpen else { return continuation.resume(returning: .cancel) }
        send([
          "jsonrpc": "2.0", "id": key.json, "method": "elicitation/create",
          "params": encoder.elicitation(request),
        ])
        // Cancelled before it was on the list.
        if Task.isCancelled { withdraw(state.withLock { $0.questions.remove(key) }.map { [$0] } ?? []) }
      }
    } onCancel: {
      withdraw(state.withLock { $0.questions.remove(key) }.map { [$0] } ?? [])
    }
  }

  /// Takes questions back, which are off the list already.
  func withdraw(_ questions: [OpenQuestions.Entry]) {
    for question in questions {
      sendUnlessEnded(
        Self.message(
          notification: "notifications/cancelled",
          ["requestId": question.key.json, "reason": "The answer is no longer needed."]))
      question.continuation.resume(returning: .cancel)
    }
  }
}
