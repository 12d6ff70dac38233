import ChildProcess
import Foundation
import HostStore
import JSON
import OpenSSH
import SSHTools

/// The checks of one host, each on what the one before has found.
struct HostExamination: Sendable {
  let doctor: Doctor
  let hostID: String
  let service: SSHService

  private struct Host {
    let destination: Destination
    let stored: StoredHost?
    let effective: EffectiveConfiguration
    let remedy: HostRemedy
  }

  /// The checks in their order; those that cannot be made are told as skipped.
  func run(_ add: ([Finding]) -> Void) async {
    let destination: Destination
    let stored: StoredHost?
    do {
      (destination, stored) = try await service.resolve(hostID)
      add([.ok(.host, description(stored), facts: JSONObject([("stored", .bool(stored != nil))]))])
    } catch {
      let text = (error as? ToolFailure)?.text ?? "\(error)"
      add([.fail(.host, text, remedy: doctor.command(["hosts", "list"]))])
      return add(
        Doctor.skipped([.configuration, .name, .connection, .hostKey, .login, .shell], "no such host"))
    }
    let host: Host
    do throws(ConfigurationReader.Failure) {
      let effective = try await doctor.reader.read(destination)
      let defaults = try await doctor.reader.defaults(destination)
      host = Host(
        destination: destination, stored: stored, effective: effective,
        remedy: remedy(destination, stored, effective))
      add([
        configuration(
          ConfiguredValue.list(hostID: hostID, stored: stored, effective: effective, defaults: defaults))
      ])
    } catch {
      add([Doctor.configurationFinding(error, path: configurationFile, .configuration)])
      return add(
        Doctor.skipped([.name, .connection, .hostKey, .login, .shell], "ssh has no configuration for it"))
    }
    guard await isReached(host, add) else {
      return add(Doctor.skipped([.hostKey, .login, .shell], "there is no connection"))
    }
    add(await login(host))
  }

  private func description(_ stored: StoredHost?) -> String {
    if let stored { return "stored: \(stored)" }
    let aliases = ConfigurationAliases.list(
      file: doctor.settings.service.sshConfiguration, userHome: doctor.settings.service.userHome)
    return aliases.contains(hostID)
      ? "an alias of ssh_config" : "not stored and no alias of ssh_config: ssh takes the name as it is"
  }

  private var configurationFile: String {
    doctor.settings.service.sshConfiguration ?? "\(doctor.settings.service.userHome)/.ssh/config"
  }

  private func remedy(
    _ destination: Destination, _ stored: StoredHost?, _ effective: EffectiveConfiguration
  ) -> HostRemedy {
    HostRemedy(
      hostID: hostID, isStored: stored != nil, destination: destination, effective: effective,
      configurationFile: configurationFile, command: { [doctor] in doctor.command($0) })
  }

  private func configuration(_ values: [ConfiguredValue]) -> Finding {
    let facts = ConfiguredValue.json(values)
    let table = ConfiguredValue.table(values)
    let agent = values.first { $0.keyword == "identityagent" }?.value
    if let agent, agent.hasPrefix("/") || agent.hasPrefix("~"),
      access(StoredHost.expandingTilde(agent, home: doctor.settings.service.userHome), F_OK) != 0
    {
      return .warn(
        .configuration, "\(table)\nIdentityAgent \(agent) is not there",
        remedy: "\(Doctor.edit(configurationFile, nil))   # start that agent, or correct IdentityAgent",
        facts: facts)
    }
    return .ok(.configuration, table, facts: facts)
  }

  // MARK: - The network

  /// Name and connection; true where a login can be tried.
  private func isReached(_ host: Host, _ add: ([Finding]) -> Void) async -> Bool {
    if let proxy = host.effective.proxyJump
      ?? host.effective["proxycommand"].flatMap({ $0 == "none" ? nil : $0 })
    {
      add(Doctor.skipped([.name, .connection], "ssh goes through \(proxy), which resolves and connects"))
      return true
    }
    let name = host.effective.hostName ?? host.destination.name
    let resolved = await NetworkProbe.addresses(
      of: name, port: host.effective.port, family: host.effective["addressfamily"] ?? "any")
    let addresses: [NetworkProbe.Address]
    switch resolved {
    case .failure(let failure):
      add([.fail(.name, "'\(name)' cannot be resolved: \(failure.reason)", remedy: host.remedy.unresolved)])
      add([.skip(.connection, "there is no address")])
      return false
    case .success(let found): addresses = found
    }
    let texts = addresses.map(\.text)
    let seen = texts == [name] ? "\(name) is an address" : "\(name) is \(texts.joined(separator: ", "))"
    add([.ok(.name, seen, facts: JSONObject([("addresses", .array(texts.map { .string($0) }))]))])
    return await isConnected(host, addresses, add)
  }

  private func isConnected(
    _ host: Host, _ addresses: [NetworkProbe.Address], _ add: ([Finding]) -> Void
  ) async -> Bool {
    let port = host.effective.port
    switch await NetworkProbe.connect(to: addresses) {
    case .none(let refusals):
      let seen = refusals.map { "\($0.address) port \(port): \($0.reason)" }.joined(separator: "\n")
      let remedy = host.remedy.unconnected(isRefused: refusals.contains { $0.code == ECONNREFUSED })
      add([.fail(.connection, seen, remedy: remedy, facts: JSONObject([("port", .int(port))]))])
      return false
    case .open(let address, let milliseconds, let greeting):
      var facts = JSONObject([
        ("address", .string(address.text)), ("port", .int(port)), ("milliseconds", .int(milliseconds)),
      ])
      facts["greeting"] = greeting.map { .string($0) }
      let seen = "\(address.text) port \(port) in \(milliseconds) ms"
      guard let greeting else {
        add([
          .warn(
            .connection, "\(seen), but it said nothing within 5 s: SSH servers speak first",
            remedy: host.remedy.notSSH, facts: facts)
        ])
        return true
      }
      guard greeting.hasPrefix("SSH-") else {
        add([
          .fail(
            .connection, "\(seen), but that is no SSH server: it said '\(greeting)'",
            remedy: host.remedy.notSSH,
            facts: facts)
        ])
        return false
      }
      add([.ok(.connection, "\(seen), \(greeting)", facts: facts)])
      return true
    }
  }

  // MARK: - The login

  /// Host key, login and shell: one login tells of all three.
  private func login(_ host: Host) async -> [Finding] {
    let known = KnownHosts(host.effective, fallbackName: host.destination.name)
    let entries = await entries(known)
    do throws(TrialFailure) {
      let trial = try await service.tryHost(hostID, command: "uname -sr")
      let milliseconds = Int(trial.opening / .milliseconds(1))
      let facts = JSONObject([
        ("user", .string(trial.user)), ("address", .string(trial.address)),
        ("milliseconds", .int(milliseconds)),
      ])
      return [
        keyFinding(host, known, entries, isPassed: true),
        .ok(
          .login, "\(trial.user) at \(trial.address) in \(milliseconds) ms, the shell included", facts: facts),
        shell(trial, host),
      ]
    } catch {
      return failed(error, host, known, entries)
    }
  }

  private func shell(_ trial: Trial, _ host: Host) -> Finding {
    let milliseconds = Int(trial.running / .milliseconds(1))
    var facts = JSONObject([("milliseconds", .int(milliseconds)), ("output", .string(trial.output))])
    facts["shell"] = trial.shell.map { .string($0) }
    let name = trial.shell.map { "\($0), " } ?? ""
    guard trial.hasFailed else {
      return .ok(.shell, "\(name)a command ran in \(milliseconds) ms: \(trial.output)", facts: facts)
    }
    return .warn(
      .shell, "\(name)but 'uname -sr' failed: \(trial.output)", remedy: host.remedy.ssh, facts: facts)
  }

  private func failed(
    _ failure: TrialFailure, _ host: Host, _ known: KnownHosts, _ entries: [KnownHosts.Entry]
  ) -> [Finding] {
    let facts = JSONObject([("error", .string(failure.code))])
    guard let login = failure.login else {
      if failure.isLoggedIn {
        return [
          keyFinding(host, known, entries, isPassed: true), .ok(.login, "the host let us in"),
          .fail(
            .shell, failure.text, remedy: "Look at what its start-up files do: \(host.remedy.ssh)",
            facts: facts),
        ]
      }
      let edit = host.remedy.set(["--password-command", "COMMAND"], "User USER")
      return [
        keyFinding(host, known, entries, isPassed: false),
        .fail(.login, failure.text, remedy: edit, facts: facts), .skip(.shell, "there is no login"),
      ]
    }
    let seen = ([login.sentence] + login.quotation.suffix(3).map { "ssh said: \($0)" }).joined(
      separator: "\n")
    switch login.reason {
    case .hostKeyUnknown, .hostKeyNotAccepted, .hostKeyChanged, .hostKeyRevoked:
      var remedy = host.remedy.login(login.reason)
      if case .hostKeyChanged = login.reason { remedy = host.remedy.changedKey(known, entries) }
      return [.fail(.hostKey, seen, remedy: remedy, facts: facts)]
        + Doctor.skipped([.login, .shell], "its host key is not accepted")
    default:
      return [
        keyFinding(host, known, entries, isPassed: Self.isAfterHostKey(login.reason)),
        .fail(.login, seen, remedy: host.remedy.login(login.reason), facts: facts),
        .skip(.shell, "there is no login"),
      ]
    }
  }

  /// Whether the host key was accepted before the login failed so.
  private static func isAfterHostKey(_ reason: SSHFailure.Reason) -> Bool {
    switch reason {
    case .permissionDenied, .passwordWrong, .passwordMissing, .passphraseWrong, .passphraseMissing,
      .keyFileMissing,
      .keyFileTooOpen, .keyFileUnreadable, .question, .answerWrong, .tooManySessions:
      true
    default: false
    }
  }

  private func keyFinding(
    _ host: Host, _ known: KnownHosts, _ entries: [KnownHosts.Entry], isPassed: Bool
  ) -> Finding {
    let name = known.names.first ?? host.destination.name
    guard entries.isEmpty else {
      let lines = entries.map { "\($0.key) (\($0.file) line \($0.line))" }
      return .ok(
        .hostKey, "\(name) is known: \(lines.joined(separator: ", "))",
        facts: JSONObject([("keys", .array(entries.map { .string($0.key) }))]))
    }
    let files =
      known.files.isEmpty ? "there are no known_hosts files" : "not in \(known.files.joined(separator: ", "))"
    let strictness = host.effective["stricthostkeychecking"] ?? "ask"
    guard isPassed else {
      return .warn(.hostKey, "\(name): \(files)", remedy: host.remedy.unknownKey(nil))
    }
    if strictness == "ask" || strictness == "yes" || strictness == "true" {
      return .ok(.hostKey, "\(name): \(files), but ssh knows it otherwise")
    }
    return .warn(
      .hostKey, "\(name): \(files), and ssh accepted it unseen (StrictHostKeyChecking \(strictness))",
      remedy: "Compare the fingerprint that it has now with its administrator's: "
        + ShellWords.line(["ssh-keygen", "-l", "-F", name] + (known.files.first.map { ["-f", $0] } ?? [])))
  }

  private func entries(_ known: KnownHosts) async -> [KnownHosts.Entry] {
    for name in known.names {
      var found: [KnownHosts.Entry] = []
      for file in known.files where access(file, R_OK) == 0 {
        let completed = await doctor.run("ssh-keygen", ["-l", "-F", name, "-f", file])
        found += KnownHosts.entries(completed?.text ?? "", file: file)
      }
      if !found.isEmpty { return found }
    }
    return []
  }
}
