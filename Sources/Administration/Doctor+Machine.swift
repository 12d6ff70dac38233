import ChildProcess
import Foundation
import HostStore
import JSON
import OpenSSH
import SSHTools

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The checks of this machine, which need no host.
extension Doctor {
  // MARK: - ssh

  /// The oldest OpenSSH that can be told to ask us (8.4, SSH_ASKPASS_REQUIRE).
  static let oldestVersion = (8, 4)

  /// Whether ssh is there, and not too old; the second value says whether it can be used at all.
  func checkSSH() async -> (Finding, isUsable: Bool) {
    guard let path = settings.tools["ssh"] else {
      let remedy =
        "apt-get install openssh-client   # or your system's package of OpenSSH; then see: command -v ssh"
      return (
        .fail(.ssh, "no ssh on PATH (\(settings.environment["PATH"] ?? "unset"))", remedy: remedy), false
      )
    }
    guard let completed = await run("ssh", ["-V"]), completed.status == 0 else {
      return (.fail(.ssh, "\(path) does not run", remedy: ShellWords.line([path, "-V"])), false)
    }
    return (Self.sshFinding(path: path, version: completed.errorText + completed.text), true)
  }

  /// What a version text comes to.
  static func sshFinding(path: String, version: String) -> Finding {
    let version = version.split(separator: "\n").last.map(String.init) ?? "no version told"
    let facts = JSONObject([("path", .string(path)), ("version", .string(version))])
    let seen = "\(path), \(version)"
    guard let match = version.firstMatch(of: /OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)/),
      let major = Int(match.1), let minor = Int(match.2)
    else {
      return .warn(
        .ssh, "\(seen): not known to be OpenSSH", remedy: "Put OpenSSH's ssh first on PATH.", facts: facts)
    }
    guard (major, minor) >= oldestVersion else {
      let remedy = "Install OpenSSH \(oldestVersion.0).\(oldestVersion.1) or later, first on PATH."
      return .fail(.ssh, "\(seen): too old to ask us for secrets", remedy: remedy, facts: facts)
    }
    return .ok(.ssh, seen, facts: facts)
  }

  // MARK: - Agent

  /// The agent that a login would have where ssh_config is silent, by the very search that logins make.
  func checkAgent() -> Finding {
    let agent = AgentSockets.agent(EffectiveConfiguration(output: ""), environment: settings.environment)
    switch agent {
    case .holds(let socket, let keys, let isFound):
      let facts = JSONObject([
        ("socket", .string(socket)), ("identities", .int(keys)), ("found", .bool(isFound)),
      ])
      let words = "\(socket) \(keys == 0 ? "answers and holds no keys" : "holds \(Self.keys(keys))")"
      let seen = isFound ? "\(words); SSH_AUTH_SOCK is not set, logins find this one by themselves" : words
      guard keys == 0 else { return .ok(.agent, seen, facts: facts) }
      let add = isFound ? "SSH_AUTH_SOCK=\(ShellWords.quoted(socket)) ssh-add" : "ssh-add"
      return .warn(.agent, seen, remedy: add, facts: facts)
    case .silent(let socket): return silentAgent(socket)
    case .off: return .ok(.agent, "none is wanted: SSH_AUTH_SOCK is empty")
    case .none:
      return .warn(
        .agent,
        "SSH_AUTH_SOCK is not set, and none of the usual places has an agent. Keys in files and passwords need none.",
        remedy: "eval \"$(ssh-agent -s)\" && ssh-add   # only for keys that shall be in an agent")
    }
  }

  /// A login looks nowhere else when a socket is named; so another must be named.
  private func silentAgent(_ socket: String) -> Finding {
    let seen = "SSH_AUTH_SOCK is \(socket), but nobody answers there."
    var environment = settings.environment
    environment["SSH_AUTH_SOCK"] = nil
    guard
      case .holds(let place, let keys, _) = AgentSockets.agent(
        EffectiveConfiguration(output: ""), environment: environment), keys > 0
    else {
      return .warn(
        .agent, "\(seen) Keys in files and passwords need no agent.",
        remedy: "unset SSH_AUTH_SOCK   # or start that agent; see where the MCP client's settings name it")
    }
    return .warn(
      .agent, "\(seen) One answers at \(place) and holds \(Self.keys(keys)).",
      remedy: "export SSH_AUTH_SOCK=\(ShellWords.quoted(place))\n"
        + "and in the MCP client's settings: \"env\": { \"SSH_AUTH_SOCK\": \"\(place)\" }",
      facts: JSONObject([("found", .string(place)), ("identities", .int(keys))]))
  }

  private static func keys(_ count: Int) -> String { count == 1 ? "1 key" : "\(count) keys" }

  // MARK: - Run-time directory

  /// Whether sockets have a place; the directory itself is for the login.
  func checkRuntimeDirectory() -> (Finding, RuntimeDirectory?) {
    do {
      let directory = try RuntimeDirectory(environment: settings.environment)
      spawner.removeOnDeath(directory.path)
      try directory.make()
      let parent = (directory.path as NSString).deletingLastPathComponent
      return (
        .ok(
          .runtimeDirectory, "sockets have their place below \(parent)",
          facts: JSONObject([("path", .string(parent))])), directory
      )
    } catch {
      let remedy =
        "mkdir -m 700 -p ~/.run && export XDG_RUNTIME_DIR=~/.run   # a short path that is yours alone"
      return (.fail(.runtimeDirectory, error.description, remedy: remedy), nil)
    }
  }

  // MARK: - Hosts file

  /// Whether hosts.json can be read and written, is ours alone, and has nothing in it that ssh would refuse.
  func checkHostsFile() -> Finding {
    let path = store.path
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT { return .ok(.hostsFile, "\(path) is not there yet; hosts of ssh_config need none") }
      let remedy = "ls -ld \(ShellWords.line([settings.service.homeDirectory, path]))"
      return .fail(.hostsFile, "\(path): \(String(cString: strerror(errno)))", remedy: remedy)
    }
    // Before it is read: reading tightens it.
    let mode = status.st_mode & 0o777
    var hosts: [StoredHost] = []
    do throws(HostStoreFailure) {
      for record in try store.records() { hosts.append(try record.host.get()) }
    } catch {
      return .fail(
        .hostsFile, error.description, remedy: Self.remedy(error, path), facts: Self.facts(error, path))
    }
    let facts = JSONObject([
      ("path", .string(path)), ("hosts", .int(hosts.count)), ("mode", .string(String(mode, radix: 8))),
    ])
    let seen = "\(path): \(hosts.count == 1 ? "1 host" : "\(hosts.count) hosts")"
    if mode & 0o077 != 0 {
      return .warn(
        .hostsFile,
        "\(seen), but its mode was \(String(mode, radix: 8)): others could read it. Reading has closed it.",
        remedy: "chmod 600 \(ShellWords.quoted(path))   # and change passwords that others may have seen",
        facts: facts)
    }
    if let twice = Dictionary(grouping: hosts, by: \.id).first(where: { $1.count > 1 })?.key {
      let remedy = "Give one of the two another \"id\": \(Self.edit(path, nil))"
      return .warn(
        .hostsFile, "\(seen), '\(twice)' twice: only the first counts", remedy: remedy, facts: facts)
    }
    guard access(settings.service.homeDirectory, W_OK) == 0 else {
      let remedy = "chmod u+w \(ShellWords.quoted(settings.service.homeDirectory))"
      return .warn(.hostsFile, "\(seen), but its directory cannot be written", remedy: remedy, facts: facts)
    }
    return .ok(.hostsFile, "\(seen), mode \(String(mode, radix: 8))", facts: facts)
  }

  private static func remedy(_ failure: HostStoreFailure, _ path: String) -> String {
    switch failure {
    case .damaged(_, let line, _, _): edit(path, line)
    case .unreadable: "ls -l \(ShellWords.quoted(path))"
    default: edit(path, nil)
    }
  }

  private static func facts(_ failure: HostStoreFailure, _ path: String) -> JSONObject {
    var facts = JSONObject([("path", .string(path)), ("error", .string(failure.code))])
    if case .damaged(_, let line, let column, _) = failure {
      facts["line"] = .int(line)
      facts["column"] = .int(column)
    }
    return facts
  }

  /// What opens a file at a line.
  static func edit(_ path: String, _ line: Int?) -> String {
    "${EDITOR:-vi} \(line.map { "+\($0) " } ?? "")\(ShellWords.quoted(path))"
  }

  // MARK: - ssh_config

  /// Whether ssh can read its configuration.
  func checkConfigurationFile() async -> Finding {
    let given = settings.service.sshConfiguration
    let path = given ?? "\(settings.service.userHome)/.ssh/config"
    // A name that no file is likely to mean: `Match` blocks and their commands stay out of it.
    let destination = Destination(name: "doctor.invalid", configurationFile: given)
    do throws(ConfigurationReader.Failure) {
      _ = try await reader.read(destination)
    } catch {
      return Self.configurationFinding(error, path: path)
    }
    let aliases = ConfigurationAliases.list(file: given, userHome: settings.service.userHome)
    let facts = JSONObject([
      ("path", .string(path)), ("aliases", .array(aliases.map { .string($0) })),
    ])
    var status = stat()
    guard stat(path, &status) == 0 else {
      return .ok(
        .configurationFile, "\(path) is not there; ssh uses the system's and its defaults", facts: facts)
    }
    let names = aliases.isEmpty ? "no aliases" : aliases.count == 1 ? "1 alias" : "\(aliases.count) aliases"
    // With -F ssh does not look at the mode; its own file it refuses when others can write it.
    if status.st_mode & 0o022 != 0 {
      let remedy = "chmod go-w \(ShellWords.quoted(path))"
      return .warn(
        .configurationFile, "\(path): \(names), but others can write it", remedy: remedy, facts: facts)
    }
    return .ok(.configurationFile, "\(path): \(names)", facts: facts)
  }

  /// What ssh's complaint comes to.
  static func configurationFinding(
    _ failure: ConfigurationReader.Failure, path: String, _ check: Finding.Check = .configurationFile
  ) -> Finding {
    var facts = JSONObject([("path", .string(path))])
    var remedy = edit(path, nil)
    if failure.text.contains("Bad owner or permissions") {
      let place = failure.text.firstMatch(of: /permissions on (\S+)/).map { String($0.1) } ?? path
      remedy = "chown \"$USER\" \(ShellWords.quoted(place)) && chmod 600 \(ShellWords.quoted(place))"
    } else if failure.text.contains("Can't open") {
      remedy = "ls -l \(ShellWords.quoted(path))   # correct --ssh-config or SSH_MCP_SSH_CONFIG"
    } else if let place = failure.place {
      remedy = edit(place.file, place.line)
      facts["line"] = .int(place.line)
    }
    return .fail(check, failure.text, remedy: remedy, facts: facts)
  }
}
