import Foundation
import Synchronization
import TestSupport
import Testing

/// Looks for a secret where it must not be.
enum Secrets {
  /// Looks at the arguments and the environment of all the server's descendants, again and again while `body`
  /// runs and once after it: a program that asks for the secret lives for milliseconds only.
  static func expectUnexposed(
    _ canary: String, by server: ServerUnderTest,
    during body: @escaping @Sendable () async throws -> some Sendable
  ) async throws {
    let identifier = server.process.identifier
    let exposing = Mutex<Set<String>>([])
    let seen = Mutex(0)
    let look: @Sendable () -> Void = {
      for entry in ProcessTree.now().descendants(of: identifier) {
        seen.withLock { $0 += 1 }
        guard ProcessTree.exposes(entry.identifier, canary) else { continue }
        exposing.withLock { _ = $0.insert(entry.commandLine) }
      }
    }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        _ = try await body()
        return true
      }
      group.addTask {
        try await eventually("the login", within: .seconds(40)) {
          look()
          return Task.isCancelled
        }
        return false
      }
      _ = try await group.next()
      group.cancelAll()
      // The looking task ends by its cancellation.
      while (try? await group.next()) != nil {}
    }
    look()
    #expect(exposing.withLock { $0 } == [])
    // Without descendants nothing was looked at, and the line above would prove nothing.
    #expect(seen.withLock { $0 } > 0)
  }
}
