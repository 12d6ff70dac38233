import Foundation
import JSON

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file `hosts.json`: read afresh at every call, replaced whole under a lock that holds between processes.
///
/// A damaged file is reported and never overwritten; what a change does not name stays as it is written. The
/// directory is 0700 and the file 0600; wider modes are tightened. A symbolic link is followed, so that the file may
/// live elsewhere; one that leads nowhere is no empty file.
package struct HostStore: Sendable {
  /// The bounds of the store.
  package enum Limits {
    /// Bytes of the file.
    package static let fileBytes = 16 << 20
    /// Seconds to wait for another process's lock.
    package static let lockSeconds = 5
  }

  /// The path of the file.
  package let path: String
  private let directory: String

  /// The store in that directory; nothing is touched yet.
  package init(directory: String) {
    self.directory = directory
    path = directory + "/hosts.json"
  }

  // MARK: - Reading

  /// All records in the order of the file.
  package func records() throws(HostStoreFailure) -> [HostRecord] {
    try read().records
  }

  /// The hosts that can be used, in the order of the file.
  package func list() throws(HostStoreFailure) -> [StoredHost] {
    try records().compactMap { try? $0.host.get() }
  }

  /// The host of that id, if there is one.
  ///
  /// - Throws: `HostStoreFailure.unusable` when its record cannot be used.
  package func host(_ id: String) throws(HostStoreFailure) -> StoredHost? {
    try records().first { $0.id?.hasBytes(of: id) == true }?.host.get()
  }

  // MARK: - Changing

  /// Adds a host at the end.
  ///
  /// The lock is waited for no longer than `Limits.lockSeconds` from the moment at which the change was asked for.
  package func add(_ host: StoredHost, asked: ContinuousClock.Instant = .now) throws(HostStoreFailure) {
    try host.validate()
    try change(asked) { records throws(HostStoreFailure) in
      guard !records.contains(where: { $0.id?.hasBytes(of: host.id) == true }) else {
        throw .alreadyExists(id: host.id)
      }
      records.append(HostRecord(host))
    }
  }

  /// Changes fields of a host, and checks no others; waits as `add` does.
  package func edit(
    _ id: String, _ edit: HostEdit, asked: ContinuousClock.Instant = .now
  ) throws(HostStoreFailure) {
    try edit.validate()
    try change(asked) { records throws(HostStoreFailure) in
      let index = try Self.index(of: id, in: records)
      var record = records[index].json.object ?? JSONObject()
      edit.apply(to: &record)
      records[index] = HostRecord(.object(record), number: index + 1, path: path)
    }
  }

  /// Removes a host; waits as `add` does.
  package func remove(_ id: String, asked: ContinuousClock.Instant = .now) throws(HostStoreFailure) {
    try change(asked) { records throws(HostStoreFailure) in
      records.remove(at: try Self.index(of: id, in: records))
    }
  }

  private static func index(of id: String, in records: [HostRecord]) throws(HostStoreFailure) -> Int {
    guard let index = records.firstIndex(where: { $0.id?.hasBytes(of: id) == true }) else {
      throw .doesNotExist(id: id, known: records.compactMap(\.id))
    }
    return index
  }

  private func change(
    _ asked: ContinuousClock.Instant, _ body: (inout [HostRecord]) throws(HostStoreFailure) -> Void
  ) throws(HostStoreFailure) {
    try makeDirectory()
    let lock = try acquireLock(until: asked.advanced(by: .seconds(Limits.lockSeconds)))
    defer { close(lock) }
    var document = try read()
    try body(&document.records)
    try replace(with: document.bytes)
  }

  // MARK: - The file

  /// The file's content: the records, and whatever else stands beside them.
  private struct Document {
    var root: JSONObject
    var records: [HostRecord]

    var bytes: [UInt8] {
      var root = root
      root["hosts"] = .array(records.map(\.json))
      return JSONWriter.pretty(.object(root))
    }
  }

  private func read() throws(HostStoreFailure) -> Document {
    // A FIFO would wait for whoever writes to it.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      guard errno == ENOENT else { throw .unreadable(path: path, reason: Self.errorText) }
      try checkLinks()
      return Document(root: JSONObject(), records: [])
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(path: path, reason: "it is not a file")
    }
    guard status.st_size <= Limits.fileBytes else {
      throw .unreadable(path: path, reason: "it is larger than \(Limits.fileBytes) bytes")
    }
    if status.st_mode & 0o077 != 0 { fchmod(descriptor, 0o600) }
    let bytes: [UInt8]
    do {
      bytes = Array(try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).readToEnd() ?? Data())
    } catch {
      throw .unreadable(path: path, reason: (error as NSError).localizedDescription)
    }
    return try parse(bytes)
  }

  /// A link to what is not there may lead to a volume that is not mounted: its hosts are not known, and a file in the
  /// link's place would hold what the link keeps elsewhere.
  private func checkLinks() throws(HostStoreFailure) {
    for place in [directory, path] {
      var status = stat()
      guard lstat(place, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, stat(place, &status) != 0 else {
        continue
      }
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: place)
      throw .unreadable(
        path: path,
        reason: "\(place == path ? "it" : place) links to \(target ?? "somewhere"), which is not there")
    }
  }

  private func parse(_ bytes: [UInt8]) throws(HostStoreFailure) -> Document {
    // White space alone is an empty file; NULs, which a crash of the system may leave, are a damaged one.
    guard !bytes.allSatisfy({ " \t\r\n".utf8.contains($0) }) else {
      return Document(root: JSONObject(), records: [])
    }
    let value: JSONValue
    do throws(JSONSyntaxError) {
      value = try JSONParser.parse(bytes)
    } catch {
      throw .damaged(path: path, line: error.line, column: error.column, reason: error.reason)
    }
    guard let root = value.object else {
      throw .notHosts(path: path, reason: "it holds \(value.typeName), not an object with \"hosts\"")
    }
    guard let list = root["hosts"] else { return Document(root: root, records: []) }
    guard let array = list.array else {
      throw .notHosts(path: path, reason: "\"hosts\" is \(list.typeName), not an array")
    }
    let records = array.enumerated().map { HostRecord($1, number: $0 + 1, path: path) }
    return Document(root: root, records: records)
  }

  /// Writes a new file beside the old one and puts it in its place, so that a reader sees one or the other.
  private func replace(with bytes: [UInt8]) throws(HostStoreFailure) {
    let target = try resolvedPath()
    Self.sweep(target)
    var template = Array("\(target).new-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw .unwritable(path: path, reason: Self.errorText) }
    var isPlaced = false
    defer {
      close(descriptor)
      if !isPlaced { unlink(template) }
    }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { throw .unwritable(path: path, reason: Self.errorText) }
      rest = rest.dropFirst(max(0, count))
    }
    guard fchmod(descriptor, 0o600) == 0, fsync(descriptor) == 0, rename(template, target) == 0 else {
      throw .unwritable(path: path, reason: Self.errorText)
    }
    isPlaced = true
    let parent = open(String(target[..<(target.lastIndex(of: "/") ?? target.endIndex)]), O_RDONLY | O_CLOEXEC)
    if parent >= 0 {
      fsync(parent)
      close(parent)
    }
  }

  /// Removes what a process left that was killed while it wrote.
  ///
  /// Passwords may be in it. Nobody else writes, since the lock is held.
  private static func sweep(_ target: String) {
    let slash = target.lastIndex(of: "/") ?? target.startIndex
    let directory = String(target[..<slash])
    let start = target[slash...].dropFirst() + ".new-"
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    where name.hasPrefix(start) && name.utf8.count == start.utf8.count + 6 {
      unlink("\(directory)/\(name)")
    }
  }

  /// Where a symbolic link leads; the path itself where nothing is yet.
  private func resolvedPath() throws(HostStoreFailure) -> String {
    guard let real = realpath(path, nil) else {
      guard errno == ENOENT else { throw .unwritable(path: path, reason: Self.errorText) }
      try checkLinks()
      return path
    }
    defer { free(real) }
    return String(cString: real)
  }

  private func makeDirectory() throws(HostStoreFailure) {
    try checkLinks()
    if mkdir(directory, 0o700) != 0, errno != EEXIST {
      throw .unwritable(path: directory, reason: Self.errorText)
    }
    chmod(directory, 0o700)
  }

  /// flock(2) on a file of its own, since hosts.json itself is replaced.
  private func acquireLock(until deadline: ContinuousClock.Instant) throws(HostStoreFailure) -> Int32 {
    let lockPath = directory + "/hosts.json.lock"
    let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .unwritable(path: lockPath, reason: Self.errorText) }
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR, ContinuousClock.now < deadline else {
        close(descriptor)
        throw .locked(path: path, seconds: Limits.lockSeconds)
      }
      // flock(2) has no time limit and no event; another holder needs a few milliseconds.
      poll(nil, 0, 5)
    }
    return descriptor
  }

  private static var errorText: String { String(cString: strerror(errno)) }
}
