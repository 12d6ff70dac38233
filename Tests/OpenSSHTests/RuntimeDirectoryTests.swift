import Foundation
import OpenSSH
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct RuntimeDirectoryTests {
  let temporary: TemporaryDirectory

  init() throws { temporary = try TemporaryDirectory() }

  func make(temporaryDirectory: String? = nil) throws -> RuntimeDirectory {
    let directory = try RuntimeDirectory(
      runtimeDirectory: temporary.path, temporaryDirectory: temporaryDirectory ?? temporary.path)
    try directory.make()
    return directory
  }

  func mode(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  @Test func `the directory and its parent are for the user alone and go with the process`() throws {
    let directory = try make()
    #expect(directory.path.hasPrefix("\(temporary.path)/ssh-mcp/"))
    #expect(mode(directory.path) == 0o700)
    #expect(mode("\(temporary.path)/ssh-mcp") == 0o700)
    directory.remove()
    try directory.make()
    #expect(!FileManager.default.fileExists(atPath: directory.path))
  }

  @Test func `an empty variable names no directory`() throws {
    for environment in [
      ["XDG_RUNTIME_DIR": "", "TMPDIR": temporary.path], ["TMPDIR": temporary.path],
    ] {
      let directory = try RuntimeDirectory(environment: environment)
      #expect(directory.path.hasPrefix("\(temporary.path)/ssh-mcp-\(getuid())/"), "\(directory.path)")
    }
    let directory = try RuntimeDirectory(environment: ["XDG_RUNTIME_DIR": "", "TMPDIR": ""])
    #expect(directory.path.hasPrefix("/tmp/ssh-mcp-\(getuid())/"), "\(directory.path)")
  }

  @Test func `nothing is made before it is needed, and one without a lock is taken`() throws {
    let directory = try RuntimeDirectory(
      runtimeDirectory: temporary.path, temporaryDirectory: temporary.path)
    defer { directory.remove() }
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(temporary.path)/ssh-mcp") == [])
    #expect(mkdir(directory.path, 0o700) == 0)
    try directory.make()
    #expect(FileManager.default.fileExists(atPath: "\(directory.path)/lock"))
  }

  @Test func `a directory that was removed is made again, locked against the sweep`() throws {
    let directory = try make()
    defer { directory.remove() }
    try directory.make()
    try FileManager.default.removeItem(atPath: "\(temporary.path)/ssh-mcp")
    try directory.make()
    #expect(mode(directory.path) == 0o700 && mode("\(temporary.path)/ssh-mcp") == 0o700)
    try temporary.write("ssh-mcp/\(directory.path.suffix(6))/m1", "")
    let other = try make()
    defer { other.remove() }
    #expect(FileManager.default.fileExists(atPath: "\(directory.path)/m1"))
  }

  @Test func `nothing is made where the parent is another's now`() throws {
    let directory = try make()
    defer { directory.remove() }
    try FileManager.default.removeItem(atPath: "\(temporary.path)/ssh-mcp")
    let target = try temporary.makeDirectory("target")
    try FileManager.default.createSymbolicLink(
      atPath: "\(temporary.path)/ssh-mcp", withDestinationPath: target)
    #expect(throws: RuntimeDirectory.Failure.self) { try directory.make() }
    #expect(try FileManager.default.contentsOfDirectory(atPath: target) == [])
  }

  @Test func `a symbolic link in place of the parent is not followed`() throws {
    let target = try temporary.makeDirectory("target")
    try FileManager.default.createSymbolicLink(
      atPath: "\(temporary.path)/ssh-mcp", withDestinationPath: target)
    let directory = try make()
    defer { directory.remove() }
    #expect(directory.path.hasPrefix("\(temporary.path)/ssh-mcp-\(getuid())/"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: target) == [])
  }

  @Test func `a file in place of the parent is left alone`() throws {
    try temporary.write("ssh-mcp", "mine")
    let directory = try make()
    defer { directory.remove() }
    #expect(directory.path.hasPrefix("\(temporary.path)/ssh-mcp-\(getuid())/"))
    #expect(temporary.read("ssh-mcp") == "mine")
  }

  @Test func `the user's own parent is closed to others`() throws {
    let parent = try temporary.makeDirectory("ssh-mcp")
    #expect(chmod(parent, 0o755) == 0)
    let directory = try make()
    defer { directory.remove() }
    #expect(mode(parent) == 0o700)
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give a directory away"))
  func `another user's parent is not used`() throws {
    let parent = try temporary.makeDirectory("ssh-mcp")
    #expect(chown(parent, 12345, 12345) == 0)
    let directory = try make()
    defer { directory.remove() }
    #expect(directory.path.hasPrefix("\(temporary.path)/ssh-mcp-\(getuid())/"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: parent) == [])
  }

  @Test func `directories of the dead are swept, those of the living and foreign names stay`() throws {
    let living = try make()
    defer { living.remove() }
    // Nobody holds this lock, as after kill -9.
    try temporary.write("ssh-mcp/dead00/lock", "")
    try temporary.write("ssh-mcp/dead00/m1", "")
    try temporary.write("ssh-mcp/not-one-of-ours/lock", "")
    // A server that has not made its lock yet.
    let young = try temporary.makeDirectory("ssh-mcp/young0")
    let old = try temporary.makeDirectory("ssh-mcp/old000")
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -3600)], ofItemAtPath: old)
    let next = try make()
    defer { next.remove() }
    #expect(FileManager.default.fileExists(atPath: "\(living.path)/lock"))
    #expect(FileManager.default.fileExists(atPath: young))
    #expect(FileManager.default.fileExists(atPath: "\(temporary.path)/ssh-mcp/not-one-of-ours"))
    #expect(!FileManager.default.fileExists(atPath: "\(temporary.path)/ssh-mcp/dead00"))
    #expect(!FileManager.default.fileExists(atPath: old))
    #expect(next.path != living.path)
  }

  @Test func `a path too long for a control socket falls back to the next`() throws {
    let deep = try temporary.makeDirectory(String(repeating: "d", count: 80))
    let directory = try RuntimeDirectory(runtimeDirectory: deep, temporaryDirectory: temporary.path)
    defer { directory.remove() }
    #expect(directory.path.hasPrefix("\(temporary.path)/ssh-mcp-\(getuid())/"))
    #expect(directory.path.utf8.count < RuntimeDirectory.controlPathLimitBytes)
    #expect(try FileManager.default.contentsOfDirectory(atPath: deep) == [])
  }
}

@Suite struct ConfigurationAliasesTests {
  let home: TemporaryDirectory

  init() throws { home = try TemporaryDirectory() }

  func list(_ text: String) throws -> [String] {
    ConfigurationAliases.list(file: try home.write("config", text), userHome: home.path)
  }

  @Test(arguments: [
    ("Host a b\nHost c\n  HostName x\n", ["a", "b", "c"]),
    ("Host a\nHost a\n", ["a"]),
    ("Host * ?x web-* !not real\nMatch host m\n", ["real"]),
    ("host lower\nHOST upper\n\tHost tab\n", ["lower", "upper", "tab"]),
    ("Host=eq\nHost = spaced\nHost =tight\nHost= loose\n", ["eq", "spaced", "tight", "loose"]),
    ("Host \"a b\" 'c d' \"#e\"\n", ["a b", "c d", "#e"]),
    ("# Host no\nHost yes # no comment words\n  #Host no\nHost a#b\n", ["yes", "a#b"]),
    ("HostName no\nHostKeyAlias no\nUser no\n", []),
    ("Host crlf\r\nHost next\r\n", ["crlf", "next"]),
    ("", []),
  ])
  func `what stands after Host is listed as ssh reads it`(_ text: String, _ names: [String]) throws {
    #expect(try list(text) == names)
  }

  @Test func `Include is followed where it stands, by pattern, by ~ and relative to .ssh`() throws {
    try home.write(".ssh/conf.d/1", "Host one\n")
    try home.write(".ssh/conf.d/2", "Host two\n")
    try home.write("elsewhere", "Host three\n")
    let absolute = try home.write("absolute", "Host four\n")
    #expect(
      try list("Host first\nInclude conf.d/* missing ~/elsewhere\nInclude=\(absolute)\nHost last\n")
        == ["first", "one", "two", "three", "four", "last"])
  }

  @Test func `the user's own file is read where none is named`() throws {
    try home.write(".ssh/config", "Host mine\n")
    #expect(ConfigurationAliases.list(file: nil, userHome: home.path).first == "mine")
  }

  @Test func `files that include themselves end, and depth is bounded as in ssh`() throws {
    #expect(try list("Host a\nInclude \(home.path)/config\n") == ["a"])
    for depth in 0..<20 {
      try home.write("f\(depth)", "Host h\(depth)\nInclude \(home.path)/f\(depth + 1)\n")
    }
    let names = ConfigurationAliases.list(file: "\(home.path)/f0", userHome: home.path)
    #expect(names == (0..<16).map { "h\($0)" })
  }

  @Test func `a thousand aliases are all listed and a missing file has none`() throws {
    let names = (0..<1000).map { "host-\($0)" }
    #expect(try list(names.map { "Host \($0)\n  User u\n" }.joined()) == names)
    #expect(ConfigurationAliases.list(file: "\(home.path)/none", userHome: home.path) == [])
  }
}
