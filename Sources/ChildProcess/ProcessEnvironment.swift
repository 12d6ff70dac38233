import CPlatform

/// The environment of this process.
package enum ProcessEnvironment {
  /// The variables by their names, as they are at this moment (environ(7)).
  ///
  /// What Foundation's `ProcessInfo` tells, without what it sets up besides: half a millisecond of the start
  /// (measured). A name that stands there twice has its first value, as with getenv(3); bytes that are not UTF-8
  /// become U+FFFD. To be called before other threads could change it.
  package static func current() -> [String: String] {
    var variables: [String: String] = [:]
    guard var entry = cplatform_environment() else { return variables }
    while let text = entry.pointee {
      let line = String(cString: text).utf8
      if let sign = line.firstIndex(of: UInt8(ascii: "=")) {
        let name = String(line[..<sign]) ?? ""
        if variables[name] == nil { variables[name] = String(line[line.index(after: sign)...]) ?? "" }
      }
      entry += 1
    }
    return variables
  }
}
