import HostStore
import JSON
import TestSupport
import Testing

/// Records of hosts.json as others have written them.
@Suite(.timeLimit(.minutes(5)))
struct HostRecordTests {
  let home: TemporaryDirectory
  var path: String { "\(home.path)/hosts.json" }
  var store: HostStore { HostStore(directory: home.path) }

  init() throws {
    home = try TemporaryDirectory()
  }

  /// The records of the file.
  private func written() throws -> [JSONValue] {
    try JSONParser.parse(home.read("hosts.json") ?? "")["hosts"]?.array ?? []
  }

  private static let odd =
    #"{"id":"a","host":"h","username":"u","port":2200.0,"forwardAgent":"yes","password":null,"keyPath":"","#
    + #""passwordCommand":null,"more":{"x":1e2}}"#

  private static let other = #"{"id":"b","host":"h","username":"u"}"#

  @Test func `a record that a change does not name is written as it was`() throws {
    try home.write("hosts.json", #"{"hosts":[\#(Self.odd),\#(Self.other)]}"#)
    var edit = HostEdit()
    edit.port = 2222
    try store.edit("b", edit)
    try store.add(StoredHost(id: "c", host: "h", username: "u"))
    try store.remove("b")
    #expect(try written().first == JSONParser.parse(Self.odd))
    #expect(try written().count == 2)
  }

  @Test func `an edit changes the members that it names and no other`() throws {
    try home.write("hosts.json", #"{"hosts":[\#(Self.odd)]}"#)
    var edit = HostEdit()
    edit.username = "v"
    edit.keyPath = ""
    try store.edit("a", edit)
    var expected = try #require(try JSONParser.parse(Self.odd).object)
    expected["username"] = "v"
    expected["keyPath"] = nil
    #expect(try written() == [.object(expected)])
  }

  @Test(arguments: [
    (#"{"id":"a","host":"h"}"#, #""username" must be a string; it is missing"#),
    (#"{"id":"a","username":"u"}"#, #""host" must be a string; it is missing"#),
    (#"{"id":"a","host":"h","username":"u","port":"x"}"#, #""port" must be from 1 to 65535; it is string"#),
    (#"{"id":"a","host":"h","username":"u","password":7}"#, #""password" must be a string; it is integer"#),
    (
      #"{"id":"a","host":"h;id","username":"u"}"#,
      #""host" must be a host name, an address or an alias of ssh_config: no white space, no '-' in front, none of "#
        + #"'"`$\;&<>|(){}; it is 'h;id'"#
    ),
  ])
  func `a record that cannot be used is told when it is used, and stands in nobody's way`(
    _ record: String, _ reason: String
  ) throws {
    try home.write("hosts.json", #"{"hosts":[\#(record),\#(Self.other)]}"#)
    let failure = HostStoreFailure.unusable(id: "a", path: path, number: 1, reason: reason)
    #expect(throws: failure) { try store.host("a") }
    #expect(
      failure.description == "Host 'a' in \(path) has a record that cannot be used: \(reason). "
        + "Mend it with edit-host, or there.")
    #expect(try store.host("b")?.username == "u")
    #expect(try store.list().map(\.id) == ["b"])
    #expect(try store.records().first?.listing == "id=a unusable: \(failure)")
    #expect(throws: HostStoreFailure.alreadyExists(id: "a")) {
      try store.add(StoredHost(id: "a", host: "h", username: "u"))
    }
    try store.add(StoredHost(id: "c", host: "h", username: "u"))
    #expect(try written().first == JSONParser.parse(record))
    try store.remove("a")
    #expect(try store.records().map(\.id) == ["b", "c"])
  }

  @Test func `a record breaks no line of the list, whatever is in it`() throws {
    try home.write(
      "hosts.json",
      #"{"hosts":[{"id":"a\nb","host":"h","username":"u"},{"id":"c","host":"h","username":"\u001b\nu"}]}"#)
    let lines = try store.records().map(\.listing)
    #expect(lines[0].hasPrefix("id=a\u{FFFD}b unusable: Host 'a\u{FFFD}b' in "), "\(lines)")
    #expect(lines[1].contains("it is '\u{FFFD}\u{FFFD}u'"), "\(lines)")
    #expect(lines.allSatisfy { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } })
  }

  @Test func `an edit mends a record that cannot be used`() throws {
    try home.write("hosts.json", #"{"hosts":[{"id":"a","host":"h","password":7}]}"#)
    var edit = HostEdit()
    edit.username = "u"
    edit.password = ""
    try store.edit("a", edit)
    #expect(try written() == [JSONParser.parse(#"{"id":"a","host":"h","username":"u"}"#)])
  }

  @Test(arguments: [#""host":"h""#, #""host":"h","username":"-l""#, #""host":"h h","username":"u""#])
  func `an edit checks what it changes and nothing else`(_ members: String) throws {
    try home.write("hosts.json", #"{"hosts":[{"id":"a",\#(members)}]}"#)
    var edit = HostEdit()
    edit.port = 2222
    try store.edit("a", edit)
    #expect(try written() == [JSONParser.parse(#"{"id":"a",\#(members),"port":2222}"#)])
    edit.username = "a;b"
    #expect(throws: HostStoreFailure.self) { try store.edit("a", edit) }
    edit.username = "u"
    edit.host = "h"
    try store.edit("a", edit)
    #expect(try store.host("a")?.username == "u")
  }

  @Test(arguments: ["CORP\\alice", "svc$", "john doe", "a-b", "john  doe", "müller", "a@b", "1"])
  func `a user name that ssh takes is taken`(_ name: String) throws {
    try store.add(StoredHost(id: "a", host: "h", username: name))
    #expect(try store.host("a")?.username == name)
  }

  @Test(arguments: [
    "", "-l", "-\u{301}", "a -l", "a\\", "a\tb", "a\u{7F}", "a'b", "a`b", "a\"b", "a;b", "a&b", "a<b", "a>b",
    "a|b", "a(b", "a)b", "a{b", "a}b",
  ])
  func `a user name that ssh refuses is refused`(_ name: String) throws {
    let failure = #expect(throws: HostStoreFailure.self) {
      try store.add(StoredHost(id: "a", host: "h", username: name))
    }
    #expect(
      failure?.description.hasPrefix("Argument 'username' must be a user name as ssh takes it: ") == true)
  }

  @Test(arguments: [
    ("7", "it is integer, not an object"), (#"{"host":"h"}"#, #""id" must be a string; it is missing"#),
  ])
  func `a record without a name is listed by its number and kept`(_ record: String, _ reason: String) throws {
    try home.write("hosts.json", #"{"hosts":[\#(Self.other),\#(record)]}"#)
    let problem = "Number 2 of \"hosts\" in \(path) cannot be used: \(reason). Mend it there."
    #expect(
      try store.records().map(\.listing) == ["id=b host=h:22 user=u auth=agent", "unusable: \(problem)"])
    try store.remove("b")
    #expect(try written() == [JSONParser.parse(record)])
  }
}
