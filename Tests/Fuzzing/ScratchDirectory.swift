import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A directory for one input, in memory where the system has such a place: some properties are about files.
struct ScratchDirectory {
  /// Its path.
  let path: String

  /// Makes it, runs the body and removes it.
  static func with<Result>(_ body: (ScratchDirectory) -> Result) -> Result {
    var template = Array("\(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp")/smt-fuzz-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil, "there is no room for a directory")
    let path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    defer { try? FileManager.default.removeItem(atPath: path) }
    return body(ScratchDirectory(path: path))
  }

  /// Writes a file below it, with the directories on the way.
  func write(_ name: String, _ bytes: [UInt8]) {
    let file = "\(path)/\(name)"
    for place in file.indices where file[place] == "/" && place > path.endIndex {
      mkdir(String(file[..<place]), 0o700)
    }
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    precondition(count == bytes.count, "there is no room for a file")
  }

  /// The bytes of a file below it.
  func read(_ name: String) -> [UInt8]? {
    FileManager.default.contents(atPath: "\(path)/\(name)").map { Array($0) }
  }

  /// The names in a directory below it.
  func names(in directory: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(directory)").sorted()) ?? []
  }
}
