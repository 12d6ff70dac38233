import HostStore
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What stands in the way of a change: another holder of the lock, a place that cannot be written to.
@Suite(.timeLimit(.minutes(5)))
struct HostStoreLockTests {
  private static let web = StoredHost(id: "web", host: "10.0.0.5", username: "deploy")

  /// Holds the store's lock as another server does; flock(2) does not tell processes from descriptors.
  private func withLock<Success>(in home: TemporaryDirectory, _ body: (Int32) throws -> Success) throws
    -> Success
  {
    _ = try home.makeDirectory("store")
    let descriptor = open("\(home.path)/store/hosts.json.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    try #require(descriptor >= 0 && flock(descriptor, LOCK_EX) == 0)
    defer { close(descriptor) }
    return try body(descriptor)
  }

  @Test func `a lock that another holds too long is named, reading goes on, nothing is written`() throws {
    let home = try TemporaryDirectory()
    let store = HostStore(directory: "\(home.path)/store")
    try withLock(in: home) { _ throws in
      let failure = #expect(throws: HostStoreFailure.self) { try store.add(Self.web) }
      #expect(failure == .locked(path: store.path, seconds: HostStore.Limits.lockSeconds))
      #expect(try store.list().isEmpty)
    }
    #expect(home.read("store/hosts.json") == nil)
    try store.add(Self.web)
    #expect(try store.list().map(\.id) == ["web"])
  }

  @Test func `a change that was asked for long ago waits for no lock, and is made without one`() throws {
    let home = try TemporaryDirectory()
    let store = HostStore(directory: "\(home.path)/store")
    let asked = ContinuousClock.now - .seconds(HostStore.Limits.lockSeconds)
    try withLock(in: home) { _ throws in
      let failure = #expect(throws: HostStoreFailure.self) { try store.add(Self.web, asked: asked) }
      #expect(failure == .locked(path: store.path, seconds: HostStore.Limits.lockSeconds))
    }
    try store.add(Self.web, asked: asked)
    #expect(try store.list().map(\.id) == ["web"])
  }

  @Test func `a lock that is given back in time is waited for`() async throws {
    let home = try TemporaryDirectory()
    let store = HostStore(directory: "\(home.path)/store")
    let adding = try withLock(in: home) { _ in
      Task.detached { try store.add(Self.web) }
    }
    try await adding.value
    #expect(try store.list().map(\.id) == ["web"])
  }

  @Test func `a directory that cannot be made is named with the system's reason`() throws {
    let home = try TemporaryDirectory()
    try home.write("file", "")
    let store = HostStore(directory: "\(home.path)/file/store")
    let failure = #expect(throws: HostStoreFailure.self) { try store.add(Self.web) }
    #expect(failure == .unwritable(path: "\(home.path)/file/store", reason: "Not a directory"))
  }
}
