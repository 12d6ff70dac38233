package import HostStore
import OpenSSH

/// Makes stored hosts of ssh_config's aliases, with the values that ssh itself reads there.
package struct AliasImport: Sendable {
  private let store: HostStore
  private let reader: ConfigurationReader
  private let configurationFile: String?
  private let userHome: String

  /// An import into that store.
  ///
  /// - Parameters:
  ///   - store: Where the records go.
  ///   - reader: Asks ssh.
  ///   - configurationFile: Read instead of the user's and the system's; nil for those two.
  ///   - userHome: For `~`.
  package init(
    store: HostStore, reader: ConfigurationReader, configurationFile: String?, userHome: String
  ) {
    self.store = store
    self.reader = reader
    self.configurationFile = configurationFile
    self.userHome = userHome
  }

  /// Imports aliases; hosts that are stored already stay as they are.
  ///
  /// - Parameter names: The aliases; none for all that ssh_config names.
  /// - Returns: A line for each.
  package func run(_ names: [String]) async -> Outcome {
    let known = ConfigurationAliases.list(file: configurationFile, userHome: userHome)
    guard !names.isEmpty || !known.isEmpty else { return Outcome("ssh_config names no hosts") }
    let stored: Set<String>
    do throws(HostStoreFailure) {
      stored = Set(try store.records().compactMap(\.id))
    } catch {
      return Outcome(failure: error.description)
    }
    var outcome = Outcome()
    for alias in names.isEmpty ? known : names {
      if stored.contains(alias) {
        outcome.say("Host '\(alias)' already exists; skipped")
      } else {
        await importOne(alias, isNamed: known.contains(alias), &outcome)
      }
    }
    return outcome
  }

  private func importOne(_ alias: String, isNamed: Bool, _ outcome: inout Outcome) async {
    guard Destination.isSafe(alias) else {
      return outcome.fail("'\(alias)' cannot be a name for ssh; not imported")
    }
    do throws(ConfigurationReader.Failure) {
      let destination = Destination(name: alias, configurationFile: configurationFile)
      let effective = try await reader.read(destination)
      let defaults = try await reader.defaults(destination)
      guard isNamed || Self.says(effective, more: defaults) else {
        return outcome.fail("'\(alias)' is no alias of ssh_config; not imported")
      }
      var host = Self.record(alias, effective, defaults, userHome: userHome)
      let direct = try await reader.read(
        Destination(
          name: host.host, user: host.username, port: host.port,
          identityFile: host.keyPath.map { StoredHost.expandingTilde($0, home: userHome) },
          configurationFile: configurationFile))
      let lost = Self.lost(from: effective, in: direct)
      if !lost.isEmpty { host.host = alias }
      add(host, lost, &outcome)
    } catch {
      outcome.fail("Host '\(alias)' was not imported: \(error.text)")
    }
  }

  private func add(_ host: StoredHost, _ lost: [String], _ outcome: inout Outcome) {
    do throws(HostStoreFailure) {
      try store.add(host)
      outcome.say(
        "Host '\(host.id)' added"
          + (lost.isEmpty
            ? ""
            : "; its host is the alias, since ssh_config says more of it: \(lost.joined(separator: ", "))"))
    } catch {
      outcome.fail("Host '\(host.id)' was not imported: \(HostCommands.text(error))")
    }
  }

  // MARK: - What ssh said

  /// The keywords that become fields of a record.
  private static let imported = ["hostname", "port", "user", "identityfile"]

  /// Whether the files give one of the record's values.
  static func says(_ effective: EffectiveConfiguration, more defaults: EffectiveConfiguration) -> Bool {
    imported.contains { effective.all($0) != defaults.all($0) }
  }

  /// The record of an alias; a key only where a file names one.
  static func record(
    _ alias: String, _ effective: EffectiveConfiguration, _ defaults: EffectiveConfiguration, userHome: String
  ) -> StoredHost {
    let identities = effective.all("identityfile")
    let key =
      identities == defaults.all("identityfile") ? nil : identities.first { $0.lowercased() != "none" }
    return StoredHost(
      id: alias, host: effective.hostName ?? alias, port: effective.port, username: effective.user ?? "",
      keyPath: key.map { PercentTokens.expand($0, alias: alias, effective, userHome: userHome) })
  }

  /// The keywords that the alias has and its bare host name has not, besides those that the record holds.
  static func lost(from alias: EffectiveConfiguration, in direct: EffectiveConfiguration) -> [String] {
    // A stored key is the only one (IdentitiesOnly); `host` is the name as given.
    let held = imported + ["host", "identitiesonly"]
    return Set(alias.keywords).union(direct.keywords).subtracting(held)
      .filter { alias.all($0) != direct.all($0) }.sorted()
  }
}

/// The tokens that a path in ssh_config may hold (ssh_config(5), TOKENS), as far as they are known before the login.
enum PercentTokens {
  /// The text with its tokens replaced; one that is not known stays.
  static func expand(
    _ text: String, alias: String, _ effective: EffectiveConfiguration, userHome: String
  ) -> String {
    var result = ""
    var isToken = false
    for character in text {
      guard isToken else {
        if character == "%" { isToken = true } else { result.append(character) }
        continue
      }
      isToken = false
      switch character {
      case "%": result += "%"
      case "d": result += userHome
      case "h": result += effective.hostName ?? alias
      case "n": result += alias
      case "p": result += String(effective.port)
      case "r": result += effective.user ?? ""
      default: result += "%\(character)"
      }
    }
    return isToken ? result + "%" : result
  }
}
