import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A configuration file of a client: read whole, replaced whole, with one copy from before the first change.
struct ConfigurationFile {
  /// The most bytes that are read; `~/.claude.json` grows to a few million.
  static let limit = 64 << 20

  /// The path as the client has it; it may be a symbolic link.
  let path: String
  /// The permissions of directories that must be made on the way.
  let directoryMode: mode_t

  /// Where the copy is.
  var backupPath: String { "\(path).ssh-mcp-backup" }

  /// What the file holds, or `nil` if there is none.
  func read() throws(SetupFailure) -> [UInt8]? {
    try Self.read(path)
  }

  /// What the copy holds, or `nil` if there is none that can be read.
  func backup() -> [UInt8]? {
    try? Self.read(backupPath)
  }

  /// Puts a new text into the place of the one that was read.
  ///
  /// A symbolic link is followed and stays. Permissions are kept; a new file is 0600.
  ///
  /// - Parameters:
  ///   - old: What was read.
  ///   - new: What it shall hold.
  /// - Throws: `SetupFailure`; then the file is as it was.
  func replace(_ old: [UInt8]?, with new: [UInt8]) throws(SetupFailure) {
    let target = try self.target()
    try makeDirectory(Self.parent(of: target))
    var mode: mode_t = 0o600
    if let old {
      var status = stat()
      if stat(target, &status) == 0 { mode = status.st_mode & 0o777 }
      try place(old, at: backupPath, mode: mode, isCopy: true) {}
    }
    try place(new, at: target, mode: mode, isCopy: false) { () throws(SetupFailure) in
      guard try read() == old else { throw .changedMeanwhile(path: path) }
    }
  }

  /// Writes a file beside its place and moves it there; a copy that is already there stays.
  private func place(
    _ bytes: [UInt8], at place: String, mode: mode_t, isCopy: Bool, check: () throws(SetupFailure) -> Void
  ) throws(SetupFailure) {
    var template = Array("\(place).XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw .unwritable(path: place, reason: Self.errorText) }
    var isMoved = false
    defer {
      close(descriptor)
      if !isMoved { unlink(template) }
    }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { throw .unwritable(path: place, reason: Self.errorText) }
      rest = rest.dropFirst(max(0, count))
    }
    guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else {
      throw .unwritable(path: place, reason: Self.errorText)
    }
    try check()
    if isCopy {
      guard link(template, place) == 0 || errno == EEXIST else {
        throw .unwritable(path: place, reason: Self.errorText)
      }
    } else {
      guard rename(template, place) == 0 else { throw .unwritable(path: place, reason: Self.errorText) }
      isMoved = true
    }
  }

  /// Where a symbolic link leads; the path itself if it is none.
  private func target() throws(SetupFailure) -> String {
    if let real = realpath(path, nil) {
      defer { free(real) }
      return String(cString: real)
    }
    var status = stat()
    guard lstat(path, &status) != 0 else {
      throw .unwritable(path: path, reason: "it is a symbolic link that leads nowhere")
    }
    return path
  }

  private func makeDirectory(_ directory: String) throws(SetupFailure) {
    var status = stat()
    guard stat(directory, &status) != 0, directory != "/" else { return }
    try makeDirectory(Self.parent(of: directory))
    guard mkdir(directory, directoryMode) == 0 || errno == EEXIST else {
      throw .unwritable(path: directory, reason: Self.errorText)
    }
  }

  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  private static func read(_ path: String) throws(SetupFailure) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .unreadable(path: path, reason: errorText)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(path: path, reason: "it is not a file")
    }
    guard status.st_size <= limit else {
      throw .unreadable(path: path, reason: "it is larger than \(limit) bytes")
    }
    do {
      return Array(try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).readToEnd() ?? Data())
    } catch {
      throw .unreadable(path: path, reason: (error as NSError).localizedDescription)
    }
  }

  private static var errorText: String { String(cString: strerror(errno)) }
}
