import Foundation

/// The addresses of what clients can read besides calling tools.
enum ResourceAddress: Sendable, Hashable {
  /// Stored hosts and aliases.
  case hosts
  /// The open sessions.
  case sessions
  /// What a session's commands were and wrote: its end, or a range of bytes.
  case transcript(session: String, offset: Int? = nil, limit: Int? = nil)

  /// The form of a transcript's address (RFC 6570).
  static let transcriptTemplate = "ssh-mcp://sessions/{session}/transcript{?offset,limit}"

  /// Bytes of an address of ours at most: a session's name has 128, each of them escaped perhaps.
  private static let limitBytes = 1024

  /// Reads an address; nil if it is none of ours.
  init?(_ uri: String) {
    // What is compared and split below takes longer than its length: marks pile up on a letter.
    guard uri.utf8.count <= Self.limitBytes else { return nil }
    let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = parts[0]
    switch path {
    case "ssh-mcp://hosts" where parts.count == 1: self = .hosts
    case "ssh-mcp://sessions" where parts.count == 1: self = .sessions
    default:
      let words = path.split(separator: "/", omittingEmptySubsequences: false)
      guard words.count == 5, words[..<3] == ["ssh-mcp:", "", "sessions"], words[4] == "transcript",
        let session = String(words[3]).removingPercentEncoding, !session.isEmpty
      else { return nil }
      var offset: Int?
      var limit: Int?
      for pair in parts.count > 1 ? parts[1].split(separator: "&") : [] {
        let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard words.count == 2, words[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
          let number = Int(words[1])
        else { return nil }
        switch words[0] {
        case "offset" where offset == nil: offset = number
        case "limit" where limit == nil && number > 0: limit = number
        default: return nil
        }
      }
      self = .transcript(session: session, offset: offset, limit: limit)
    }
  }

  /// The address as clients know it.
  var uri: String {
    switch self {
    case .hosts: return "ssh-mcp://hosts"
    case .sessions: return "ssh-mcp://sessions"
    case .transcript(let session, let offset, let limit):
      let name = session.addingPercentEncoding(withAllowedCharacters: Self.unreserved) ?? session
      let query = [offset.map { "offset=\($0)" }, limit.map { "limit=\($0)" }].compactMap(\.self)
      return "ssh-mcp://sessions/\(name)/transcript"
        + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }
  }

  /// What stands for itself in an address (RFC 3986 section 2.3).
  private static let unreserved = CharacterSet(
    charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
