import HostStore
import JSON
import TestSupport
import Testing

@testable import Administration

struct HostCommandsTests {
  let home: TemporaryDirectory
  var store: HostStore { HostStore(directory: home.path) }
  var commands: HostCommands { HostCommands(store: store) }

  init() throws {
    home = try TemporaryDirectory()
  }

  static let web = StoredHost(id: "web", host: "10.0.0.5", username: "ann")

  @Test func `the texts are those of the tools`() {
    #expect(commands.list(asJSON: false) == Outcome("No hosts configured"))
    #expect(commands.add(Self.web).output == "Host 'web' added\n")
    #expect(commands.list(asJSON: false).output == "id=web host=10.0.0.5:22 user=ann auth=agent\n")
    var edit = HostEdit()
    edit.port = 2222
    #expect(commands.edit("web", edit).output == "Host 'web' updated\n")
    #expect(commands.remove("web").output == "Host 'web' removed\n")
  }

  @Test func `failures go to standard error with status 1`() {
    _ = commands.add(Self.web)
    let again = commands.add(Self.web)
    #expect(again.status == .failure && again.output.isEmpty)
    #expect(again.errorOutput.hasPrefix("Host 'web' already exists"))
    #expect(commands.remove("ghost").errorOutput.hasPrefix("Host 'ghost' does not exist"))
  }

  @Test func `a value that cannot be, and an edit of nothing, are errors of usage`() {
    #expect(commands.add(StoredHost(id: "a", host: "-oProxyCommand=x", username: "u")).status == .usage)
    #expect(commands.add(StoredHost(id: "a", host: "h", port: 70_000, username: "u")).status == .usage)
    #expect(commands.edit("a", HostEdit()).status == .usage)
  }

  @Test func `the list as JSON has everything but secrets`() throws {
    _ = commands.add(
      StoredHost(
        id: "a", host: "h", username: "u", password: "canary", keyPath: "~/k", passwordCommand: "canary"))
    let outcome = commands.list(asJSON: true)
    #expect(!outcome.output.contains("canary"))
    let host = try JSONParser.parse(Array(outcome.output.utf8))["hosts"]?.array?.first
    #expect(host?["id"] == "a" && host?["port"] == 22 && host?["auth"] == "password")
    #expect(host?["keyPath"] == "~/k" && host?["password"] == nil)
  }

  @Test func `a password is asked for only when the host is there, and an empty one clears it`() throws {
    let unasked = commands.setPassword("ghost") {
      Issue.record("asked")
      return ""
    }
    #expect(unasked.status == .failure)
    _ = commands.add(Self.web)
    #expect(commands.setPassword("web") { "s3cret" }.output == "Host 'web' updated\n")
    #expect(try store.host("web")?.password == "s3cret")
    #expect(commands.setPassword("web") { () throws(PasswordFailure) in throw .different }.status == .failure)
    #expect(try store.host("web")?.password == "s3cret")
    #expect(commands.setPassword("web") { "" }.status == .success)
    #expect(try store.host("web")?.password == nil)
  }

  @Test func `a typed password is edited as terminals do`() {
    func typed(_ text: String) -> (PasswordLine, PasswordLine.End?) {
      var line = PasswordLine()
      for byte in text.utf8 {
        if let end = line.take(byte) { return (line, end) }
      }
      return (line, nil)
    }
    #expect(typed("abc\r").0.bytes == Array("abc".utf8) && typed("abc\r").1 == .entered)
    #expect(typed("ab\u{7F}c\n").0.bytes == Array("ac".utf8))
    #expect(typed("aü\u{8}b\n").0.bytes == Array("ab".utf8))
    #expect(typed("wrong\u{15}right\n").0.bytes == Array("right".utf8))
    #expect(typed("abc\u{3}").1 == .cancelled)
  }
}
