import Foundation
import HostStore
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite(.timeLimit(.minutes(5)))
struct HostStoreTests {
  let home: TemporaryDirectory
  var path: String { "\(home.path)/store/hosts.json" }
  var store: HostStore { HostStore(directory: "\(home.path)/store") }

  init() throws {
    home = try TemporaryDirectory()
  }

  func write(_ text: String) throws {
    try home.write("store/hosts.json", text)
  }

  func mode(_ path: String) -> UInt32 {
    var status = stat()
    return lstat(path, &status) == 0 ? UInt32(status.st_mode) & 0o7777 : 0
  }

  static let web = StoredHost(id: "web", host: "10.0.0.5", username: "deploy")

  @Test func `without a file there are no hosts, and reading makes none`() throws {
    #expect(try store.list().isEmpty)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `the file of the program that this one replaces is read with its defaults`() throws {
    try write(#"{"hosts":[{"id":"a","host":"h","username":"u","password":"","keyPath":"~/.ssh/id"}]}"#)
    let host = try #require(try store.host("a"))
    #expect(host.port == 22 && host.password == nil && host.keyPath == "~/.ssh/id" && !host.forwardAgent)
    #expect(host.authentication == "key")
  }

  @Test(arguments: ["", " \n", "{}", #"{"hosts":[]}"#])
  func `an empty file has no hosts`(_ text: String) throws {
    try write(text)
    #expect(try store.list().isEmpty)
  }

  @Test func `what is not known stays as it was when the file is rewritten`() throws {
    try write(
      """
      {
        "version": 12345678901234567890,
        "hosts": [
          {
            "note": "kept",
            "id": "a",
            "port": 2200.0,
            "host": "h",
            "username": "u",
            "tags": [1e2, null]
          }
        ],
        "later": {"x": 0.10}
      }
      """)
    try store.add(Self.web)
    #expect(
      home.read("store/hosts.json") == """
        {
          "version": 12345678901234567890,
          "hosts": [
            {
              "note": "kept",
              "id": "a",
              "port": 2200.0,
              "host": "h",
              "username": "u",
              "tags": [
                1e2,
                null
              ]
            },
            {
              "id": "web",
              "host": "10.0.0.5",
              "port": 22,
              "username": "deploy"
            }
          ],
          "later": {
            "x": 0.10
          }
        }

        """)
  }

  @Test func `a note that is no text stays as it was, and is not asked of where it does not matter`() throws {
    let note = #""cut \ud83d\/ \u00e9 \uDC00""#
    try write(
      #"{"hosts":[{"id":"a","host":"h","username":"u","note":\#(note)}],"caf\u00e9":1,"cafe\u0301":2}"#)
    #expect(try store.list().map(\.id) == ["a"])
    try store.add(Self.web)
    #expect(home.read("store/hosts.json")?.contains("\"note\": \(note)") == true)
    #expect(try store.list().map(\.id) == ["a", "web"])
    try write(#"{"hosts":[{"id":"a","host":"\ud83d","username":"u"}]}"#)
    let failure = #expect(throws: HostStoreFailure.self) { try store.host("a") }
    let text = failure.map { "\($0)" } ?? ""
    #expect(text.contains("\"host\" must be a string; it is string with an unpaired surrogate"))
  }

  @Test func `directory and file are closed to others, also when they were open`() throws {
    try store.add(Self.web)
    #expect(mode("\(home.path)/store") == 0o700 && mode(path) == 0o600)
    chmod(path, 0o644)
    chmod("\(home.path)/store", 0o755)
    _ = try store.list()
    #expect(mode(path) == 0o600)
    try store.edit("web", HostEdit())
    #expect(mode("\(home.path)/store") == 0o700)
  }

  @Test func `what a server that was killed while it wrote has left is removed, and nothing else`() throws {
    try store.add(Self.web)
    for name in ["hosts.json.new-aB3xYz", "hosts.json.backup", "hosts.json.new-"] {
      try home.write("store/\(name)", "secret")
    }
    try store.edit("web", HostEdit())
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(home.path)/store").sorted()
    #expect(names == ["hosts.json", "hosts.json.backup", "hosts.json.lock", "hosts.json.new-"])
  }

  @Test func `a symbolic link stays one and its target is rewritten`() throws {
    try home.write("elsewhere.json", #"{"hosts":[]}"#)
    try FileManager.default.createDirectory(atPath: "\(home.path)/store", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: path, withDestinationPath: "\(home.path)/elsewhere.json")
    try store.add(Self.web)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "\(home.path)/elsewhere.json")
    #expect(home.read("elsewhere.json")?.contains("\"web\"") == true)
  }

  @Test(arguments: [false, true])
  func `a symbolic link that leads nowhere is told, neither read as empty nor replaced`(isDirectory: Bool)
    throws
  {
    let target = "\(home.path)/not-mounted"
    let link = isDirectory ? "\(home.path)/store" : path
    if !isDirectory { _ = try home.makeDirectory("store") }
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    let reason = "\(isDirectory ? link : "it") links to \(target), which is not there"
    for use in [{ _ = try store.list() }, { try store.add(Self.web) }, { try store.remove("web") }] {
      #expect(throws: HostStoreFailure.unreadable(path: path, reason: reason)) { try use() }
    }
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
    #expect(!FileManager.default.fileExists(atPath: target))
  }

  @Test func `a FIFO in the file's place is told and not waited for`() throws {
    _ = try home.makeDirectory("store")
    try #require(mkfifo(path, 0o600) == 0)
    #expect(throws: HostStoreFailure.unreadable(path: path, reason: "it is not a file")) {
      try store.add(Self.web)
    }
  }

  @Test(arguments: [
    ("{\n  \"hosts\": [\n    {\"id\": }\n  ]\n}", "line 3, column 12"),
    ("\0\0\0\0", "line 1, column 1"),
    ("{\"hosts\": [}", "line 1, column 12"), ("[]", "not an object"), ("{\"hosts\": 7}", "not an array"),
  ])
  func `a damaged file is named with its fault and never overwritten`(_ text: String, _ fault: String) throws
  {
    try write(text)
    for change in [{ try store.add(Self.web) }, { try store.remove("a") }, { _ = try store.list() }] {
      let failure = #expect(throws: HostStoreFailure.self) { try change() }
      #expect(failure?.description.contains(fault) == true, "\(failure.map { "\($0)" } ?? "")")
      #expect(failure?.description.contains(path) == true)
    }
    #expect(home.read("store/hosts.json") == text)
  }

  @Test func `the texts of the contract begin the errors`() throws {
    try store.add(Self.web)
    #expect(throws: HostStoreFailure.alreadyExists(id: "web")) { try store.add(Self.web) }
    #expect(throws: HostStoreFailure.doesNotExist(id: "x", known: ["web"])) { try store.remove("x") }
    #expect("\(HostStoreFailure.alreadyExists(id: "web"))".hasPrefix("Host 'web' already exists"))
    #expect("\(HostStoreFailure.doesNotExist(id: "x", known: []))".hasPrefix("Host 'x' does not exist"))
  }

  @Test func `an edit changes what it names, and the empty string clears`() throws {
    try store.add(StoredHost(id: "a", host: "h", username: "u", password: "p", keyPath: "/k"))
    var edit = HostEdit()
    edit.port = 2222
    edit.password = ""
    try store.edit("a", edit)
    let host = try #require(try store.host("a"))
    #expect(host.port == 2222 && host.password == nil && host.keyPath == "/k" && host.host == "h")
    #expect(home.read("store/hosts.json")?.contains("password") == false)
  }

  @Test(arguments: [
    StoredHost(id: "", host: "h", username: "u"), StoredHost(id: "-x", host: "h", username: "u"),
    StoredHost(id: "a\nb", host: "h", username: "u"),
    StoredHost(id: "a", host: "-oProxyCommand=touch x", username: "u"),
    StoredHost(id: "a", host: "h;id", username: "u"), StoredHost(id: "a", host: "", username: "u"),
    StoredHost(id: "a", host: "h h", username: "u"), StoredHost(id: "a", host: "h", username: "-l"),
    StoredHost(id: "a", host: "h", username: "$(id)"), StoredHost(id: "a", host: "h", username: "u\n"),
    StoredHost(id: "a", host: "h", port: 0, username: "u"),
    StoredHost(id: "a", host: "h", port: 65536, username: "u"),
    StoredHost(id: "a", host: "h", username: "u", keyPath: "-oX"),
    StoredHost(id: "a", host: "h", username: "u", password: "canary\n"),
    StoredHost(id: "a", host: "h", username: "u", password: String(repeating: "canary", count: 200)),
    StoredHost(id: "a", host: "h", username: "u", passwordCommand: "canary\nx"),
  ])
  func `what could be taken for an option, or would be cut, is refused without telling a secret`(
    _ host: StoredHost
  ) throws {
    let failure = #expect(throws: HostStoreFailure.self) { try store.add(host) }
    #expect(failure?.code == "invalid_argument")
    #expect(failure?.description.contains("canary") == false)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test(arguments: ["web.example.org", "10.0.0.1", "fe80::1%eth0", "::1", "my_host", "user-alias"])
  func `ordinary names and addresses are taken`(_ host: String) throws {
    try store.add(StoredHost(id: "a", host: host, username: "u"))
    #expect(try store.host("a")?.host == host)
  }

  @Test func `no secret is in a description`() {
    let host = StoredHost(id: "a", host: "h", username: "u", password: "canary", passwordCommand: "canary")
    #expect(!"\(host)".contains("canary"))
  }

  @Test func `adds from many tasks and several stores lose nothing`() async throws {
    let directory = "\(home.path)/store"
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<4 {
        group.addTask {
          for number in 0..<15 {
            try HostStore(directory: directory).add(
              StoredHost(id: "h\(task)-\(number)", host: "h", username: "u"))
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try store.list().count == 60)
  }

  @Test func `the home directory stands for a tilde in front only`() {
    #expect(StoredHost.expandingTilde("~/k", home: "/h") == "/h/k")
    #expect(StoredHost.expandingTilde("~", home: "/h") == "/h")
    #expect(StoredHost.expandingTilde("/a/~/k", home: "/h") == "/a/~/k")
    #expect(StoredHost.expandingTilde("~u/k", home: "/h") == "~u/k")
  }
}
