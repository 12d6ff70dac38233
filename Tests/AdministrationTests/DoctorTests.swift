import ChildProcess
import HostStore
import JSON
import OpenSSH
import TestSupport
import Testing

@testable import Administration

struct DoctorTests {
  static func configuration(_ lines: String...) -> EffectiveConfiguration {
    EffectiveConfiguration(output: lines.joined(separator: "\n"))
  }

  // MARK: - Findings

  @Test func `a finding says status, check, what was seen and what mends it`() {
    let finding = Finding.fail(.name, "one\ntwo", remedy: "do this\nor that")
    #expect(
      finding.text == """
        FAIL  name                one
                                  two
              mend: do this
                    or that

        """)
    #expect(Finding.ok(.ssh, "seen").text == "ok    ssh                 seen\n")
    #expect(finding.json["status"] == "FAIL" && finding.json["remedy"] == "do this\nor that")
    #expect(Finding.skip(.login, "why").json["remedy"] == nil)
  }

  @Test func `warnings are allowed, failures are not`() {
    var diagnosis = Diagnosis()
    diagnosis.findings = [.ok(.ssh, ""), .warn(.agent, "", remedy: "x"), .skip(.login, "")]
    #expect(diagnosis.isWell && diagnosis.summary == "All is well, 1 warning.")
    diagnosis.findings.append(.fail(.shell, "", remedy: "x"))
    #expect(!diagnosis.isWell && diagnosis.summary == "1 failed, 1 warning.")
    #expect(diagnosis.json["ok"] == false && diagnosis.json["checks"]?.array?.count == 4)
  }

  // MARK: - This machine

  @Test(arguments: [
    ("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19", Finding.Status.ok), ("OpenSSH_8.4p1", .ok),
    ("OpenSSH_10.0p2", .ok), ("OpenSSH_8.3p1", .fail), ("OpenSSH_7.9p1", .fail), ("Dropbear v2022.83", .warn),
  ])
  func `ssh must be OpenSSH and not too old`(version: String, status: Finding.Status) {
    let finding = Doctor.sshFinding(path: "/usr/bin/ssh", version: version + "\n")
    #expect(finding.status == status && finding.seen.contains(version))
  }

  @Test func `a line that ssh blames is opened in the editor`() {
    let failure = ConfigurationReader.Failure("/home/ann/.ssh/config: line 7: Bad configuration option: foo")
    let finding = Doctor.configurationFinding(failure, path: "/home/ann/.ssh/config")
    #expect(finding.status == .fail && finding.remedy == "${EDITOR:-vi} +7 /home/ann/.ssh/config")
    let older = ConfigurationReader.Failure("/etc/ssh/ssh_config line 3: no argument after keyword \"port\"")
    #expect(older.place?.line == 3 && older.place?.file == "/etc/ssh/ssh_config")
  }

  @Test func `a configuration that others may write is closed to them`() {
    let failure = ConfigurationReader.Failure("Bad owner or permissions on /home/ann/.ssh/config")
    let remedy = Doctor.configurationFinding(failure, path: "/x").remedy
    #expect(remedy == "chown \"$USER\" /home/ann/.ssh/config && chmod 600 /home/ann/.ssh/config")
  }

  // MARK: - Values and their origins

  @Test func `a value has the origin that the difference shows`() {
    let defaults = Self.configuration("hostname web", "port 22", "user ann", "identityfile ~/.ssh/id_rsa")
    let effective = Self.configuration(
      "hostname 10.0.0.5", "port 22", "user ann", "identityfile ~/.ssh/web", "proxyjump jump")
    let values = ConfiguredValue.list(hostID: "web", stored: nil, effective: effective, defaults: defaults)
    #expect(
      values.map { "\($0.keyword)=\($0.value) \($0.origin.rawValue)" } == [
        "hostname=10.0.0.5 ssh_config", "port=22 default", "user=ann default",
        "identityfile=~/.ssh/web ssh_config", "proxyjump=jump ssh_config",
      ])
  }

  @Test func `a stored host's values are its own, and keys of ssh_config come after its key`() {
    let stored = StoredHost(id: "web", host: "10.0.0.5", username: "ann", keyPath: "/k")
    let defaults = Self.configuration("hostname 10.0.0.5", "port 22", "user ann", "identityfile /k")
    let effective = Self.configuration(
      "hostname 10.0.0.5", "port 22", "user ann", "identityfile /k", "identityfile /other")
    let values = ConfiguredValue.list(hostID: "web", stored: stored, effective: effective, defaults: defaults)
    #expect(values.filter { $0.origin == .storedHost }.map(\.value) == ["10.0.0.5", "22", "ann", "/k"])
    #expect(values.last?.value == "/other" && values.last?.origin == .configurationFile)
  }

  @Test func `the user of user@host is as given`() {
    let both = Self.configuration("hostname h", "user ann", "port 22")
    let values = ConfiguredValue.list(hostID: "ann@h", stored: nil, effective: both, defaults: both)
    #expect(values.map(\.origin) == [.name, .standard, .name])
  }

  // MARK: - Known hosts

  @Test func `a host is looked up as ssh does`() {
    func names(_ lines: String...) -> [String] {
      KnownHosts(EffectiveConfiguration(output: lines.joined(separator: "\n")), fallbackName: "x").names
    }
    #expect(names("hostname Web", "port 22") == ["web"])
    #expect(names("hostname web", "port 2222") == ["[web]:2222", "web"])
    #expect(names("hostname web", "port 2222", "hostkeyalias farm") == ["farm"])
  }

  @Test func `paths of known_hosts may contain spaces`() {
    #expect(KnownHosts.paths("/home/a b/known_hosts /etc/k") == ["/home/a b/known_hosts", "/etc/k"])
    #expect(KnownHosts.paths("none").isEmpty && KnownHosts.paths("/dev/null").isEmpty)
  }

  @Test func `what ssh-keygen finds has line, type and fingerprint`() {
    let output = "# Host [h]:22 found: line 4 \n[h]:22 ED25519 SHA256:abc\n"
    #expect(
      KnownHosts.entries(output, file: "/k") == [.init(file: "/k", line: 4, key: "ED25519 SHA256:abc")])
    #expect(KnownHosts.entries("", file: "/k").isEmpty)
  }

  // MARK: - Remedies

  @Test func `a way through other hosts is tried by its kind`() {
    let name = Destination(name: "web")
    #expect(
      remedy(isStored: false, name, "proxyjump door").login(.jumpHost(hosts: "door"))
        == "Log in to the jump host first: ssh door")
    #expect(
      remedy(isStored: false, name, "proxycommand false").login(.jumpHost(hosts: "its ProxyCommand"))
        == "ssh -v web")
  }

  private func remedy(isStored: Bool, _ destination: Destination, _ lines: String...) -> HostRemedy {
    HostRemedy(
      hostID: "web", isStored: isStored, destination: destination,
      effective: EffectiveConfiguration(output: lines.joined(separator: "\n")), configurationFile: "/c",
      command: { ShellWords.line(["ssh-mcp-sessions"] + $0) })
  }

  @Test func `a stored host is mended by a command, another in ssh_config`() {
    let name = Destination(name: "web")
    #expect(
      remedy(isStored: true, name).unconnected(isRefused: true)
        .hasSuffix("ssh-mcp-sessions hosts edit web --port PORT"))
    #expect(
      remedy(isStored: false, name).unresolved
        .hasSuffix("${EDITOR:-vi} /c   # below 'Host web': HostName ADDRESS"))
    #expect(remedy(isStored: true, name).setPassword == "ssh-mcp-sessions hosts set-password web")
    #expect(
      remedy(isStored: false, name, "hostname h", "port 7", "user ann").setPassword
        == "ssh-mcp-sessions hosts add web --host h --port 7 --user ann && ssh-mcp-sessions hosts set-password web"
    )
  }

  @Test func `the login by hand is that of the program, and asks where a key is new`() {
    let destination = Destination(
      name: "10.0.0.5", user: "ann", port: 2222, identityFile: "/a key", configurationFile: "/c")
    let command = "ssh -F /c -l ann -p 2222 -i '/a key' -o IdentitiesOnly=yes 10.0.0.5"
    #expect(remedy(isStored: true, destination).ssh == command)
    #expect(remedy(isStored: true, destination).unknownKey("SHA256:x").hasSuffix("\n\(command)"))
    let strict = remedy(isStored: true, destination, "stricthostkeychecking true").unknownKey(nil)
    #expect(strict.hasSuffix("\nssh -o StrictHostKeyChecking=ask" + command.dropFirst(3)))
  }

  @Test func `a key that the host does not know is sent to it`() {
    let text = remedy(
      isStored: true, Destination(name: "h", user: "ann", port: 22, identityFile: "/k"), "hostname h",
      "port 22",
      "user ann"
    ).login(.permissionDenied(methods: ["publickey"], identities: ["/k"]))
    #expect(text.contains("ssh-copy-id -i /k.pub -p 22 ann@h"))
  }

  @Test func `words are quoted for the shell`() {
    #expect(ShellWords.line(["a", "b c", "it's", ""]) == "a 'b c' 'it'\\''s' ''")
  }

  // MARK: - The network

  @Test func `the identification is found behind other lines`() {
    #expect(NetworkProbe.identification(Array("SSH-2.0-x\r\n".utf8)) == "SSH-2.0-x")
    #expect(NetworkProbe.identification(Array("hello\r\nSSH-2.0-x\r\n".utf8)) == "SSH-2.0-x")
    #expect(NetworkProbe.identification(Array("SSH-2.0-x".utf8)) == nil)
  }

  @Test func `a refused port is told with the system's words`() async throws {
    let port = try #require(try Fixture.freePorts(1).first)
    let addresses = try await NetworkProbe.addresses(of: "127.0.0.1", port: port, family: "any").get()
    #expect(addresses.map(\.text) == ["127.0.0.1"])
    guard case .none(let refusals) = await NetworkProbe.connect(to: addresses) else {
      Issue.record("connected")
      return
    }
    #expect(refusals.map(\.reason) == ["Connection refused"])
  }
}
