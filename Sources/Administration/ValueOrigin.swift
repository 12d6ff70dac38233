import HostStore
import JSON
import OpenSSH

/// A value of the effective configuration, and where it comes from.
struct ConfiguredValue: Sendable, Hashable {
  /// Where a value comes from.
  enum Origin: String, Sendable, Hashable {
    /// The record in hosts.json.
    case storedHost = "stored host"
    /// The name as it was given: `user@host`.
    case name = "as given"
    /// A file of ssh's: without it the value would be another.
    case configurationFile = "ssh_config"
    /// ssh's own; a file that says the same as ssh's default cannot be told from none.
    case standard = "default"
  }

  let keyword: String
  let value: String
  let origin: Origin

  /// The keywords that matter to a login, in the order in which they are shown.
  static let shown = [
    "hostname", "port", "user", "identityfile", "identitiesonly", "identityagent", "proxyjump",
    "proxycommand",
    "hostkeyalias", "stricthostkeychecking", "userknownhostsfile", "forwardagent", "addressfamily",
    "bindaddress",
    "controlmaster", "controlpath", "preferredauthentications", "remotecommand", "requesttty",
  ]

  /// Those of them that are of interest only when a file sets them.
  private static let onlyIfSet: Set<String> = [
    "identitiesonly", "identityagent", "proxyjump", "proxycommand", "hostkeyalias", "forwardagent",
    "addressfamily", "bindaddress", "controlmaster", "controlpath", "preferredauthentications",
    "remotecommand",
    "requesttty",
  ]

  /// The values of a host.
  ///
  /// - Parameters:
  ///   - hostID: The name as it was given.
  ///   - stored: Its record, if it is stored.
  ///   - effective: What `ssh -G` says.
  ///   - defaults: What it says without files.
  /// - Returns: One for each value; identity files may be several.
  static func list(
    hostID: String, stored: StoredHost?, effective: EffectiveConfiguration, defaults: EffectiveConfiguration
  ) -> [ConfiguredValue] {
    shown.flatMap { keyword -> [ConfiguredValue] in
      let values = effective.all(keyword)
      let given = defaults.all(keyword)
      return values.compactMap { value in
        // A stored key stands before those of the files.
        let isStoredKey = keyword == "identityfile" && stored?.keyPath != nil && given.contains(value)
        let origin = origin(
          of: keyword, hostID: hostID, stored: stored, isFromFile: values != given && !isStoredKey,
          effective: effective)
        if origin == .standard, onlyIfSet.contains(keyword) { return nil }
        return ConfiguredValue(keyword: keyword, value: value, origin: origin)
      }
    }
  }

  private static func origin(
    of keyword: String, hostID: String, stored: StoredHost?, isFromFile: Bool,
    effective: EffectiveConfiguration
  ) -> Origin {
    if isFromFile { return .configurationFile }
    if let stored {
      switch keyword {
      case "hostname", "port", "user": return .storedHost
      case "identityfile", "identitiesonly": return stored.keyPath == nil ? .standard : .storedHost
      case "forwardagent": return stored.forwardAgent ? .storedHost : .standard
      default: return .standard
      }
    }
    switch keyword {
    case "hostname": return .name
    case "user": return hostID.hasPrefix("\(effective.user ?? "")@") ? .name : .standard
    case "port": return hostID.hasSuffix(":\(effective.port)") ? .name : .standard
    default: return .standard
    }
  }

  /// A table for people; ssh's default key files, which are many, share a line.
  static func table(_ values: [ConfiguredValue]) -> String {
    let width = values.map(\.keyword.count).max() ?? 0
    let standard = values.filter { $0.keyword == "identityfile" && $0.origin == .standard }.map(\.value)
    var values = values
    if standard.count > 1, let first = values.firstIndex(where: { $0.keyword == "identityfile" }) {
      values.removeAll { $0.keyword == "identityfile" && $0.origin == .standard }
      let joined = standard.joined(separator: " ")
      values.insert(ConfiguredValue(keyword: "identityfile", value: joined, origin: .standard), at: first)
    }
    return values.map { value in
      "\(Finding.padded(value.keyword, width + 1))\(value.value)  (\(value.origin.rawValue))"
    }.joined(separator: "\n")
  }

  /// For programs: each keyword with its values and their origin.
  static func json(_ values: [ConfiguredValue]) -> JSONObject {
    var object = JSONObject()
    for value in values {
      let others = object[value.keyword]?["values"]?.array ?? []
      object[value.keyword] = [
        "values": .array(others + [.string(value.value)]), "origin": .string(value.origin.rawValue),
      ]
    }
    return object
  }
}
