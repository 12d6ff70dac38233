/// Writes this server's entry into the configuration of a client, or takes it out again.
package struct Setup: Sendable {
  /// The longest name of an entry, in characters.
  package static let nameLimit = 64

  /// What to do.
  package enum Change: Sendable, Hashable {
    /// Add the entry; another one of the same name is an error, or replaced.
    case add(replacing: Bool)
    /// Remove the entry of that name, whatever it says.
    case undo
  }

  /// The client.
  package let client: Client
  /// Where the entry holds.
  package let scope: Scope
  /// The name of the entry.
  package let name: String
  /// The path of the client's file.
  package let path: String
  private let entry: ServerEntry

  /// A setup that has not begun; nothing is touched yet.
  ///
  /// - Parameters:
  ///   - client: The client.
  ///   - scope: Where the entry holds.
  ///   - name: The name of the entry: letters, digits, `_` and `-`, which every client takes.
  ///   - entry: What it says.
  ///   - surroundings: Where `setup` runs.
  /// - Throws: `SetupFailure.badName`, `.noProjectFile`.
  package init(
    _ client: Client, _ scope: Scope, name: String, entry: ServerEntry, in surroundings: Surroundings
  ) throws(SetupFailure) {
    guard name.wholeMatch(of: /[A-Za-z0-9_-]+/) != nil, name.count <= Self.nameLimit else {
      throw .badName(name)
    }
    guard let path = surroundings.file(of: client, scope) else { throw .noProjectFile(client) }
    self.client = client
    self.scope = scope
    self.name = name
    self.path = path
    self.entry = entry
  }

  /// What came of it.
  package struct Report: Sendable, Hashable {
    /// What was done, or would be.
    package enum Outcome: Sendable, Hashable {
      case added, replaced, alreadyThere, removed, notThere
    }

    /// What was done, or would be.
    package let outcome: Outcome
    /// Whether nothing was written because only a look was asked for.
    package let isDryRun: Bool
    /// All of it for a person to read, each line ended.
    package let text: String
  }

  /// Does it.
  ///
  /// - Parameters:
  ///   - change: What to do.
  ///   - isDryRun: Whether to write nothing.
  /// - Returns: What came of it.
  /// - Throws: `SetupFailure`; then the file is as it was.
  package func run(_ change: Change, isDryRun: Bool = false) throws(SetupFailure) -> Report {
    let file = ConfigurationFile(path: path, directoryMode: scope == .user ? 0o700 : 0o777)
    let old = try file.read()
    let configuration = try configuration(old ?? [], toPaste: change == .undo ? nil : pasted)
    let existing = configuration.shown(name)
    switch change {
    case .undo:
      guard let existing else { return report(.notThere, isDryRun, entry: nil) }
      let new = configuration.removing(name, original: file.backup())
      if !isDryRun { try file.replace(old, with: new) }
      return report(.removed, isDryRun, entry: existing)
    case .add(let isReplacing):
      guard !configuration.has(entry, named: name) else {
        return report(.alreadyThere, isDryRun, entry: pasted)
      }
      if let existing, !isReplacing {
        throw .differs(path: path, name: name, existing: existing, wanted: wanted)
      }
      if !isDryRun { try file.replace(old, with: configuration.setting(entry, named: name)) }
      return report(existing == nil ? .added : .replaced, isDryRun, entry: pasted)
    }
  }

  private func configuration(_ bytes: [UInt8], toPaste entry: String?) throws(SetupFailure)
    -> any Configuration
  {
    do throws(ConfigurationFault) {
      switch client.format {
      case .json(let container): return try JSONConfiguration(bytes, client: client, container: container)
      case .toml: return try TOMLConfiguration(bytes, name: name)
      }
    } catch {
      switch error {
      case .damaged(let line, let column, let reason):
        throw .damaged(path: path, line: line, column: column, reason: reason, entry: entry)
      case .unsuited(let reason): throw .unsuited(path: path, reason: reason, entry: entry)
      }
    }
  }

  /// The entry with what is around it in an otherwise empty file.
  private var pasted: String {
    let configuration: (any Configuration)? =
      switch client.format {
      case .json(let container): try? JSONConfiguration([], client: client, container: container)
      case .toml: try? TOMLConfiguration([], name: name)
      }
    return String(decoding: configuration?.setting(entry, named: name) ?? [], as: UTF8.self)
  }

  /// The entry alone, as an existing one is shown.
  private var wanted: String {
    (try? configuration(Array(pasted.utf8), toPaste: nil).shown(name)).flatMap { $0 } ?? pasted
  }

  private func report(_ outcome: Report.Outcome, _ isDryRun: Bool, entry shown: String?) -> Report {
    let would = isDryRun ? "would be " : ""
    let head =
      switch outcome {
      case .added: "'\(name)' \(would)added to \(path):"
      case .replaced: "'\(name)' \(would)replaced in \(path):"
      case .alreadyThere: "'\(name)' is already in \(path):"
      case .removed: "'\(name)' \(would)removed from \(path):"
      case .notThere: "'\(name)' is not in \(path)."
      }
    var paragraphs = [head]
    if let shown { paragraphs.append(String(shown.trimmingEnd)) }
    switch outcome {
    case .added, .replaced:
      paragraphs += entry.notes(for: client, scope) + (isDryRun ? [] : [client.nextStep(scope)])
    case .removed: paragraphs += isDryRun ? [] : [client.nextStep(scope)]
    case .alreadyThere, .notThere: break
    }
    if isDryRun { paragraphs.append("Nothing was written.") }
    return Report(
      outcome: outcome, isDryRun: isDryRun, text: paragraphs.joined(separator: "\n\n") + "\n")
  }
}

extension String {
  /// Without the ends of lines at its end.
  fileprivate var trimmingEnd: Substring {
    self[..<(lastIndex { $0 != "\n" }.map { index(after: $0) } ?? startIndex)]
  }
}
