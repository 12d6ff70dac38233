import JSON

/// The revisions of MCP that this server speaks.
package enum ProtocolVersion: String, Sendable, Hashable, CaseIterable, Comparable {
  case v2024_11_05 = "2024-11-05"
  case v2025_03_26 = "2025-03-26"
  case v2025_06_18 = "2025-06-18"
  case v2025_11_25 = "2025-11-25"
  /// Stateless: every request carries its version and the client's capabilities.
  case v2026_07_28 = "2026-07-28"

  /// All of them, as `server/discover` tells them.
  package static let newestFirst = Array(allCases.reversed())
  /// The newest one that begins with `initialize`; offered to clients that ask for one we do not know.
  package static let newestHandshake = ProtocolVersion.v2025_11_25

  /// The version of that name.
  init?(named name: String) {
    guard let version = Self.allCases.first(where: { $0.rawValue.hasBytes(of: name) }) else { return nil }
    self = version
  }

  /// Whether it begins with `initialize`.
  package var hasHandshake: Bool { self < .v2026_07_28 }

  package static func < (left: ProtocolVersion, right: ProtocolVersion) -> Bool {
    left.rawValue < right.rawValue
  }
}
