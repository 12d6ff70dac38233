import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// This process's own directory for sockets and large outputs: 0700, short, gone with the process.
///
/// It is made when it is first needed: most servers that a client starts are never asked for a session. Its parent is
/// shared by the user's servers. Each holds a lock in its own directory while it lives; whoever makes one sweeps away
/// those that nobody holds, and so what a `kill -9` left.
package final class RuntimeDirectory: Sendable {
  /// The path; not longer than what a control socket in it may have.
  package let path: String
  private let parent: String
  private let state = Mutex(State.unmade)

  private enum State {
    case unmade
    /// The descriptor of its lock.
    case held(Int32)
    case removed
  }

  /// Why no directory could be had.
  package struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong with which path, and what to do.
    package let description: String
  }

  /// The longest path of a control socket: `sun_path` less the NUL and the 17 bytes of the temporary name that
  /// ssh binds first (mux.c, muxserver_listen).
  package static var controlPathLimitBytes: Int {
    MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1 - 17
  }

  /// Bytes that names inside the directory may take, the slash included.
  static let nameBytes = 24

  /// Chooses the directory.
  ///
  /// - Parameters:
  ///   - runtimeDirectory: `XDG_RUNTIME_DIR`, if it is set.
  ///   - temporaryDirectory: Used where there is none, or where it is too deep.
  /// - Throws: `Failure` when neither will do.
  package init(runtimeDirectory: String?, temporaryDirectory: String) throws(Failure) {
    let shared = [
      runtimeDirectory.map { "\($0)/ssh-mcp" }, "\(temporaryDirectory)/ssh-mcp-\(getuid())",
      "/tmp/ssh-mcp-\(getuid())",
    ].compactMap(\.self)
    var failures: [String] = []
    for parent in shared {
      do throws(Failure) {
        path = "\(parent)/\(try Self.name(in: parent))"
        self.parent = parent
        return
      } catch {
        failures.append(error.description)
      }
    }
    throw Failure(description: failures.joined(separator: " "))
  }

  /// Chooses the directory where that environment says that such have their place.
  ///
  /// - Parameter environment: `XDG_RUNTIME_DIR` and `TMPDIR` count, as in the other initializer; empty ones do not.
  /// - Throws: `Failure` when neither will do.
  package convenience init(environment: [String: String]) throws(Failure) {
    let set = environment.filter { !$0.value.isEmpty }
    try self.init(runtimeDirectory: set["XDG_RUNTIME_DIR"], temporaryDirectory: set["TMPDIR"] ?? "/tmp")
  }

  /// Makes the directory if it is not there: not yet, or removed by a logout or a cleaner of temporary files.
  ///
  /// After `remove` it does nothing.
  ///
  /// - Throws: `Failure` when it cannot be made.
  package func make() throws(Failure) {
    try state.withLock { state throws(Failure) in
      if case .removed = state { return }
      if case .held(let lock) = state {
        guard access(path, F_OK) != 0, errno == ENOENT else { return }
        close(lock)
        state = .unmade
      }
      try Self.claim(parent)
      Self.sweep(parent)
      // There already, without a lock, after an attempt that found no descriptor for it.
      guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
        throw Failure(description: "\(path) cannot be made: \(String(cString: strerror(errno))).")
      }
      state = .held(try Self.acquireLock(in: path))
    }
  }

  /// Removes the directory with all that is in it.
  package func remove() {
    state.withLock { state in
      if case .held(let lock) = state {
        try? FileManager.default.removeItem(atPath: path)
        close(lock)
      }
      state = .removed
    }
  }

  /// A name that nobody has, in a parent that can hold it.
  private static func name(in parent: String) throws(Failure) -> String {
    guard parent.utf8.count + 1 + nameCharacters + nameBytes <= controlPathLimitBytes else {
      throw Failure(description: "\(parent) is too long a path for a control socket.")
    }
    try claim(parent)
    guard access(parent, W_OK | X_OK) == 0 else {
      throw Failure(
        description: "No directory can be made in \(parent): \(String(cString: strerror(errno))).")
    }
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8
    return String(decoding: (0..<nameCharacters).compactMap { _ in letters.randomElement() }, as: UTF8.self)
  }

  private static let nameCharacters = 6

  /// Sees to it that the parent is there, is the user's and is closed to others.
  private static func claim(_ parent: String) throws(Failure) {
    if mkdir(parent, 0o700) != 0, errno != EEXIST {
      throw Failure(description: "\(parent) cannot be made: \(String(cString: strerror(errno))).")
    }
    var status = stat()
    guard lstat(parent, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw Failure(description: "\(parent) is not a directory; remove it.")
    }
    guard status.st_uid == getuid() else {
      throw Failure(description: "\(parent) belongs to user \(status.st_uid), not to you; it is not used.")
    }
    if status.st_mode & 0o077 != 0, chmod(parent, 0o700) != 0 {
      throw Failure(description: "\(parent) is open to others and cannot be closed to them.")
    }
  }

  private static func acquireLock(in path: String) throws(Failure) -> Int32 {
    let lock = open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      throw Failure(description: "\(path) cannot be locked: \(String(cString: strerror(errno))).")
    }
    return lock
  }

  /// Removes the directories of servers that are no more: nobody holds their lock.
  private static func sweep(_ parent: String) {
    for name in names(in: parent) where name.utf8.count == nameCharacters {
      let path = "\(parent)/\(name)"
      let lock = open("\(path)/lock", O_RDWR | O_CLOEXEC)
      // No lock file: another server is just making it, unless the directory is old.
      guard lock >= 0 else {
        if isOlderThanAMinute(path) { try? FileManager.default.removeItem(atPath: path) }
        continue
      }
      defer { close(lock) }
      guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { continue }
      try? FileManager.default.removeItem(atPath: path)
    }
  }

  /// What is in a directory, without itself and its parent; nothing when it cannot be read.
  ///
  /// Not by Foundation, whose first call costs more than the directory's making (measured).
  private static func names(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  private static func isOlderThanAMinute(_ path: String) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0 else { return false }
    #if canImport(Glibc)
      return time(nil) - status.st_mtim.tv_sec > 60
    #else
      return time(nil) - status.st_mtimespec.tv_sec > 60
    #endif
  }
}
