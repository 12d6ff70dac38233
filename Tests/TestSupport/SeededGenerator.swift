import Foundation

/// Random numbers that can be had again: SplitMix64 (Steele, Lea, Flood 2014).
///
/// A test prints its seed when it fails; `SSH_MCP_TEST_SEED` makes the run again.
package struct SeededGenerator: RandomNumberGenerator {
  /// What the sequence began with.
  package let seed: UInt64
  private var state: UInt64

  /// A generator that begins with the seed, or with that of `SSH_MCP_TEST_SEED`.
  package init(seed: UInt64) {
    let chosen = ProcessInfo.processInfo.environment["SSH_MCP_TEST_SEED"].flatMap { UInt64($0) } ?? seed
    self.seed = chosen
    state = chosen
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
