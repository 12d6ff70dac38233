package import JSON

/// What one check of `doctor` has found.
package struct Finding: Sendable, Hashable {
  /// The checks, in their order; the names are stable.
  package enum Check: String, Sendable, Hashable, CaseIterable {
    case ssh, agent
    case runtimeDirectory = "run-time directory"
    case hostsFile = "hosts file"
    case configurationFile = "ssh_config"
    case host, configuration, name, connection
    case hostKey = "host key"
    case login, shell
  }

  /// How it stands.
  package enum Status: String, Sendable, Hashable {
    case ok, warn
    case fail = "FAIL"
    case skip
  }

  /// What was checked.
  package let check: Check
  /// How it stands.
  package let status: Status
  /// What was seen; may have several lines.
  package let seen: String
  /// The command or the edit that mends it.
  package let remedy: String?
  /// The same for programs.
  package let facts: JSONObject

  private init(_ check: Check, _ status: Status, _ seen: String, _ remedy: String?, _ facts: JSONObject) {
    self.check = check
    self.status = status
    self.seen = seen
    self.remedy = remedy
    self.facts = facts
  }

  /// A check that found nothing wrong.
  static func ok(_ check: Check, _ seen: String, facts: JSONObject = JSONObject()) -> Finding {
    Finding(check, .ok, seen, nil, facts)
  }

  /// Something that works but should be seen to.
  static func warn(
    _ check: Check, _ seen: String, remedy: String, facts: JSONObject = JSONObject()
  ) -> Finding {
    Finding(check, .warn, seen, remedy, facts)
  }

  /// Something that does not work.
  static func fail(
    _ check: Check, _ seen: String, remedy: String, facts: JSONObject = JSONObject()
  ) -> Finding {
    Finding(check, .fail, seen, remedy, facts)
  }

  /// A check that could not be made or would say nothing.
  static func skip(_ check: Check, _ why: String) -> Finding {
    Finding(check, .skip, why, nil, JSONObject())
  }

  // MARK: - Texts

  /// For people: the status, the check and what was seen, then what mends it.
  package var text: String {
    let head = Self.padded(status.rawValue, 6) + Self.padded(check.rawValue, Self.nameWidth + 2)
    let margin = String(repeating: " ", count: 6 + Self.nameWidth + 2)
    let body = Self.indented(seen, by: margin)
    guard let remedy else { return "\(head)\(body)\n" }
    return "\(head)\(body)\n      mend: " + Self.indented(remedy, by: "            ") + "\n"
  }

  /// For programs.
  package var json: JSONValue {
    var object = JSONObject([
      ("check", .string(check.rawValue)), ("status", .string(status.rawValue)), ("seen", .string(seen)),
    ])
    object["remedy"] = remedy.map { .string($0) }
    if !facts.isEmpty { object["facts"] = .object(facts) }
    return .object(object)
  }

  private static var nameWidth: Int { Check.allCases.map(\.rawValue.count).max() ?? 0 }

  static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private static func indented(_ text: String, by margin: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n" + margin)
  }
}

/// All that a run of `doctor` has found.
package struct Diagnosis: Sendable, Hashable {
  /// The findings, in the order of the checks.
  package var findings: [Finding] = []

  /// Nothing found yet.
  package init() {}

  /// Whether nothing failed; warnings are allowed.
  package var isWell: Bool { findings.allSatisfy { $0.status != .fail } }

  /// The last line for people.
  package var summary: String {
    func count(_ status: Finding.Status) -> Int { findings.count { $0.status == status } }
    let failed = count(.fail)
    let warned = count(.warn)
    let warnings = warned == 0 ? "" : warned == 1 ? ", 1 warning" : ", \(warned) warnings"
    return failed == 0 ? "All is well\(warnings)." : "\(failed) failed\(warnings)."
  }

  /// The whole for programs.
  package var json: JSONValue { ["ok": .bool(isWell), "checks": .array(findings.map(\.json))] }
}
