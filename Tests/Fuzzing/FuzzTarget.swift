/// What must hold for any bytes: one property check a parser, for the fuzzer and, with its kept inputs, for the tests.
package struct FuzzTarget: Sendable {
  /// Its name on the command line and of its directory of kept inputs.
  package let name: String
  /// Says which property the bytes break; nil if all hold.
  package let violation: @Sendable ([UInt8]) -> String?

  /// All of them, by name.
  package static let all: [FuzzTarget] = [
    FuzzTarget(name: "aliases", violation: AliasesProperty.violation),
    FuzzTarget(name: "askpass", violation: AskpassProperty.violation),
    FuzzTarget(name: "classification", violation: ClassificationProperty.violation),
    FuzzTarget(name: "filter", violation: FilterProperty.violation),
    FuzzTarget(name: "framing", violation: FramingProperty.violation),
    FuzzTarget(name: "hosts", violation: HostsProperty.violation),
    FuzzTarget(name: "json-setup", violation: SetupProperty.jsonViolation),
    FuzzTarget(name: "markers", violation: MarkersProperty.violation),
    FuzzTarget(name: "toml-setup", violation: SetupProperty.tomlViolation),
  ]
}

/// Ways to cut an input that are the same every time.
enum Pieces {
  /// Byte by byte.
  static func single(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    bytes.indices.map { bytes[$0...$0] }
  }

  /// Uneven pieces whose lengths come from the bytes themselves.
  static func uneven(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + 1 + Int(bytes[start] % 13))
      pieces.append(bytes[start..<end])
      start = end
    }
    return pieces
  }
}
