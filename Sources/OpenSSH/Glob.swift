#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// File name patterns as the shell knows them (glob(3)).
package enum Glob {
  /// The files that a pattern means, sorted.
  package static func paths(_ pattern: String) -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(pattern, 0, nil, &found) == 0, let list = found.gl_pathv else { return [] }
    return (0..<Int(found.gl_pathc)).compactMap { list[$0].map { String(cString: $0) } }
  }
}
