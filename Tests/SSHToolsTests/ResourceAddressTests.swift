import Testing

@testable import SSHTools

/// Addresses of what can be read: one form for each, and nothing else is one.
struct ResourceAddressTests {
  /// What `reserve` lets a session be called.
  static let oddNames = [
    "s", "a b", "a/b", "../..", ".", "..", "a?b=c&d", "a#b", "100%", "%41", "ü", "日本", "👩‍👩‍👧", "e\u{301}", "é",
    "a:b@c", "{session}", "\"quoted\"", "a\\b", "+", "~", "-", "transcript", "a;b",
    String(repeating: "x", count: 128),
  ]

  @Test(arguments: oddNames)
  func `any name of a session comes back from its address`(_ name: String) throws {
    for address in [
      ResourceAddress.transcript(session: name), .transcript(session: name, offset: 0, limit: 1),
      .transcript(session: name, offset: 12), .transcript(session: name, limit: 9),
    ] {
      #expect(ResourceAddress(address.uri) == address, "\(address.uri)")
      let path = address.uri.dropFirst("ssh-mcp://".count)
      #expect(path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "\(address.uri)")
      #expect(path.split(separator: "/", omittingEmptySubsequences: false).count == 3)
    }
  }

  @Test func `names that look alike have addresses of their own`() {
    let uris = Self.oddNames.map { ResourceAddress.transcript(session: $0).uri }
    #expect(Set(uris).count == uris.count)
  }

  @Test(arguments: [
    ("ssh-mcp://hosts", ResourceAddress.hosts), ("ssh-mcp://sessions", .sessions),
    ("ssh-mcp://sessions/a%20b/transcript", .transcript(session: "a b")),
    // As a client may write it: more or less encoded than ours.
    ("ssh-mcp://sessions/%61%c3%bc/transcript", .transcript(session: "aü")),
    ("ssh-mcp://sessions/a b/transcript", .transcript(session: "a b")),
    ("ssh-mcp://sessions/s/transcript?offset=5", .transcript(session: "s", offset: 5)),
    ("ssh-mcp://sessions/s/transcript?limit=7&offset=5", .transcript(session: "s", offset: 5, limit: 7)),
    ("ssh-mcp://sessions/s/transcript?", .transcript(session: "s")),
  ])
  func `an address says what it is of`(_ uri: String, _ address: ResourceAddress) {
    #expect(ResourceAddress(uri) == address)
  }

  @Test(arguments: [
    "", "/", "hosts", "ssh-mcp://", "ssh-mcp:/hosts", "ssh-mcp://hosts/", "ssh-mcp://hosts?",
    "ssh-mcp://hosts?offset=1",
    "SSH-MCP://hosts", "ssh-mcp://Hosts", "ssh-mcp://sessions/", "ssh-mcp://sessions?limit=1",
    "ssh-mcp://sessions/s",
    "ssh-mcp://sessions//transcript", "ssh-mcp://sessions/s/transcript/", "ssh-mcp://sessions/s/transcript/x",
    "ssh-mcp://sessions/a/b/transcript", "ssh-mcp://sessions/s/Transcript", "ssh-mcp://sessions/%/transcript",
    "ssh-mcp://sessions/%FF/transcript", "ssh-mcp://sessions/%zz/transcript", "ssh-mcp://hosts#x",
    "file:///etc/passwd", "ssh-mcp://sessions/s/transcript#x",
    "ssh-mcp://sessions/\(String(repeating: "\u{301}", count: 500))/transcript",
  ])
  func `anything else is none`(_ uri: String) {
    #expect(ResourceAddress(uri) == nil)
  }

  @Test(arguments: [
    "offset", "offset=", "offset=-1", "offset=1.5", "offset=x", "offset=0x10", "offset= 1", "offset=1=2",
    "Offset=1",
    "limit=0", "limit=-1", "limit=", "offset=1&more=2", "more", "=1", "offset=99999999999999999999",
    "offset=%31",
    "offset=+1", "offset=1&offset=2", "limit=1&limit=1", "offset=1?limit=2",
  ])
  func `a range is what it should be, or the address is none`(_ query: String) {
    #expect(ResourceAddress("ssh-mcp://sessions/s/transcript?\(query)") == nil)
  }
}
