import Foundation
import JSON
import Testing

/// The house rules that no compiler checks.
struct TidyTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static let files: [(name: String, lines: [Substring])] = ["Sources", "Tests"].flatMap { folder in
    let enumerator = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
    return (enumerator?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(".swift") }.sorted()
      .compactMap { path in
        (try? String(contentsOf: root.appending(path: "\(folder)/\(path)"), encoding: .utf8)).map {
          ("\(folder)/\(path)", $0.split(separator: "\n", omittingEmptySubsequences: false))
        }
      }
  }

  @Test func `no file is longer than 400 lines`() {
    #expect(Self.files.count > 60)
    for file in Self.files { #expect(file.lines.count <= 400, "\(file.name) has \(file.lines.count)") }
  }

  @Test func `every package and public declaration says what it is`() {
    let declaration =
      /\s*(?:package|public) (?!import|init\((?:string|integer|float|boolean|array|dictionary)Literal)(?:static |final |mutating |internal\(set\) |private\(set\) )*(?:func|var|let|init|struct|class|enum|actor|typealias|subscript|protocol)\b.*/
    let exempt =
      /.*(?:func ==|func hash\(|func <|var description|var debugDescription|mutating func next\(|var isEmpty).*/
    for file in Self.files where file.name.hasPrefix("Sources") {
      for (index, line) in file.lines.enumerated()
      where line.wholeMatch(of: declaration) != nil && line.wholeMatch(of: exempt) == nil {
        var above = index - 1
        while above >= 0, file.lines[above].contains(/^\s*@/) { above -= 1 }
        let isDocumented = above >= 0 && file.lines[above].contains(/^\s*\/\/\//)
        #expect(isDocumented, "\(file.name):\(index + 1): \(line)")
      }
    }
  }

  /// What must not be written, where it may be, and what to use instead.
  static let banned: [(text: String, allowed: [String], instead: String)] = [
    ("readabilityHandler", [], "Reactor: it loses bytes on Linux"), ("availableData", [], "Descriptor.read"),
    ("Thread.sleep", [], "an event"), ("usleep(", [], "an event"),
    ("Task.detached", [], "a task with an owner"),
    ("try!", [], "a typed throw"), ("fatalError(", [], "precondition or an error"),
    ("@unchecked Sendable", ["Sources/ChildProcess/MonitoredProcess.swift"], "Mutex"),
    ("nonisolated(unsafe)", [], "Mutex"),
    ("JSONDecoder", [], "JSONParser"),
    ("JSONSerialization", [], "JSONParser"), ("TODO", [], "an issue"), ("FIXME", [], "an issue"),
    ("waitUntilExit", ["Sources/ChildProcess/"], "ChildProcess"),
    ("ProcessInfo.processInfo", ["Sources/ssh-mcp-sessions/"], "a value given at start"),
    ("CommandLine.arguments", ["Sources/ssh-mcp-sessions/"], "a value given at start"),
    ("print(", [], "StdioTransport or the log"),
  ]

  @Test func `nothing banned is used`() {
    for file in Self.files where file.name.hasPrefix("Sources") {
      for (index, line) in file.lines.enumerated() where !line.contains(/^\s*\/\//) {
        for rule in Self.banned where line.contains(rule.text) {
          let isAllowed = rule.allowed.contains { file.name.hasPrefix($0) }
          #expect(isAllowed, "\(file.name):\(index + 1): \(rule.text): use \(rule.instead)")
        }
      }
    }
  }

  @Test func `imports follow the arrows`() {
    let arrows: [String: Set<String>] = [
      "JSON": [], "MCP": ["JSON"], "HostStore": ["JSON"], "ClientSetup": ["JSON"],
      "ChildProcess": ["CPlatform"],
      "OpenSSH": ["ChildProcess"], "RemoteShell": ["ChildProcess"],
      "LoopbackPage": ["ChildProcess"],
      "SSHTools": ["ChildProcess", "HostStore", "JSON", "LoopbackPage", "MCP", "OpenSSH", "RemoteShell"],
      "Administration": ["ChildProcess", "HostStore", "JSON", "OpenSSH", "SSHTools"],
    ]
    let ours = Set(arrows.keys).union(["SSHMCPSessions", "CPlatform"])
    for file in Self.files {
      let parts = file.name.split(separator: "/")
      guard parts[0] == "Sources", let allowed = arrows[String(parts[1])] else { continue }
      for line in file.lines {
        guard let match = line.firstMatch(of: /^\s*(?:package |public |internal )?import (\w+)/) else {
          continue
        }
        let module = String(match.1)
        #expect(!ours.contains(module) || allowed.contains(module), "\(file.name) imports \(module)")
      }
    }
  }

  @Test func `the top level holds what was agreed`() throws {
    let agreed: Set<String> = [
      "Package.swift", "Sources", "Tests", "scripts", "README.md", "LICENSE", "Package.resolved",
    ]
    for name in try FileManager.default.contentsOfDirectory(atPath: Self.root.path) where !name.hasPrefix(".")
    {
      #expect(agreed.contains(name), "\(name)")
    }
  }

  @Test func `README's scripts are there, can be run and tell what they do`() throws {
    let readme = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
    let named = Set(readme.matches(of: /scripts\/([a-z]+)/).map { String($0.1) })
    #expect(named.isSuperset(of: ["setup", "demo", "test", "smoke"]))
    for name in named {
      let path = Self.root.appending(path: "scripts/\(name)").path
      #expect(FileManager.default.isExecutableFile(atPath: path), "\(name)")
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text.contains("--help"), "\(name)")
    }
  }

  @Test func `server.json is JSON of this version and names the variables that README names`() throws {
    let text = try String(contentsOf: Self.root.appending(path: "scripts/server.json"), encoding: .utf8)
    let server = try JSONParser.parse(text)
    let program = Self.files.flatMap(\.lines).compactMap {
      $0.firstMatch(of: /static let text = "(\d+\.\d+\.\d+)"/)
    }
    #expect(program.count == 1 && server["version"]?.string == program.first.map { String($0.1) })
    // The limits of the registry's schema.
    #expect(server["name"]?.string?.wholeMatch(of: /[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+/) != nil)
    #expect((1...100).contains(server["description"]?.string?.count ?? 0))
    let variables = server["_meta"]?["io.modelcontextprotocol.registry/publisher-provided"]?[
      "environmentVariables"]
    let documented = Set(variables?.array?.compactMap { $0["name"]?.string } ?? [])
    let readme = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
    let named = Set(readme.matches(of: /^\| `(SSH_[A-Z_]+)`/.anchorsMatchLineEndings()).map { String($0.1) })
    #expect(!named.isEmpty && documented == named.union(["SSH_AUTH_SOCK"]))
  }
}
