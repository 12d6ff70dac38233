import Foundation
import HostStore
import JSON
package import MCP
import RemoteShell

/// What clients can read and be told of besides calling tools; each datum is a tool's as well.
extension SSHService {
  /// The resources of these hosts and sessions.
  package var resources: ResourceCatalog {
    ResourceCatalog(
      resources: [
        Resource(
          uri: ResourceAddress.hosts.uri, name: "hosts", title: "SSH hosts",
          description: "The stored hosts, then the aliases of ssh_config, a line each; no secrets.",
          mimeType: Self.plainText),
        Resource(
          uri: ResourceAddress.sessions.uri, name: "sessions", title: "SSH sessions",
          description: "The open sessions, a line each, with what runs in them.", mimeType: Self.plainText),
      ],
      templates: [
        ResourceTemplate(
          uriTemplate: ResourceAddress.transcriptTemplate, name: "transcript", title: "Session transcript",
          description: "The commands of a session with their output: its end, or limit bytes from offset.",
          mimeType: Self.plainText, completions: ["session": { [weak self] in self?.sessionNames ?? [] }])
      ],
      changes: changes,
      changeName: { [weak self] uri in
        switch ResourceAddress(uri) {
        case .hosts?, .sessions?: uri
        case .transcript(let name, nil, nil)?:
          (self?.sessions[name]?.name).map { ResourceAddress.transcript(session: $0).uri }
        case .transcript?, nil: nil
        }
      },
      read: { [weak self] uri async throws(ResourceFailure) in try await self?.read(uri) })
  }

  private static let plainText = "text/plain"
  /// Bytes of a transcript that one read shows, unless it asks for fewer or more.
  private static let transcriptBytes = 64 << 10
  /// Bytes of a transcript that one read can show at most.
  static let transcriptLimitBytes = 4 << 20

  /// The names of the open sessions, for completion.
  var sessionNames: [String] { sessions.all.map(\.name) }

  /// The names of the hosts, for completion; none when they cannot be read.
  var hostNames: [String] {
    do {
      return try HostList(HostStore(directory: configuration.homeDirectory), configuration).names
    } catch {
      return []
    }
  }

  private func read(_ uri: String) async throws(ResourceFailure) -> ResourceContents? {
    switch ResourceAddress(uri) {
    case .hosts?:
      do throws(HostStoreFailure) {
        return ResourceContents(text: try await hostList.outcome().text, mimeType: Self.plainText)
      } catch {
        throw ResourceFailure(Self.failure(error, hostID: "", isStored: true).result.text)
      }
    case .sessions?:
      let all = sessions.all.map { SessionSummary($0.session) }
      return ResourceContents(text: SessionSummary.text(all), mimeType: Self.plainText)
    case .transcript(let name, let offset, let limit)?:
      guard let session = sessions[name] else { return nil }
      return transcript(of: session, offset: offset, limit: limit)
    case nil: return nil
    }
  }

  /// A part of a transcript, cleaned of control sequences, with a line in brackets for what is not shown.
  private func transcript(of session: OpenSession, offset: Int?, limit: Int?) -> ResourceContents {
    let transcript = session.shell.transcript
    let count = min(limit ?? Self.transcriptBytes, Self.transcriptLimitBytes)
    let from = min(offset ?? max(transcript.start, transcript.end - count), transcript.end)
    let part = transcript.read(from..<min(from + count, transcript.end))
    // The end begins with a whole character.
    let isCut = offset == nil && part.offset > transcript.start
    let skipped = isCut ? part.bytes.prefix(3).prefix { $0 & 0xC0 == 0x80 }.count : 0
    let first = part.offset + skipped
    var lines: [String] = []
    if isCut {
      let before = max(transcript.start, first - count)
      let address = ResourceAddress.transcript(session: session.name, offset: before, limit: first - before)
      lines.append("[bytes \(transcript.start) to \(first) stand before this: \(address.uri)]")
    }
    if from < transcript.start { lines.append("[bytes before \(transcript.start) are forgotten]") }
    for range in part.lost {
      lines.append(
        "[bytes \(range.lowerBound) to \(range.upperBound) are beyond the retention limit and gone]")
    }
    let text = ControlSequenceFilter.text(of: part.bytes.dropFirst(skipped))
    if !text.isEmpty { lines.append(text) }
    if offset != nil, part.end < transcript.end {
      let after = ResourceAddress.transcript(session: session.name, offset: part.end, limit: count)
      lines.append("[bytes \(part.end) to \(transcript.end) follow: \(after.uri)]")
    }
    return ResourceContents(
      text: lines.joined(separator: "\n"), mimeType: Self.plainText,
      meta: Facts.meta(
        JSONObject([
          ("session", .string(session.name)), ("offset", .int(first)), ("nextOffset", .int(part.end)),
          ("firstKept", .int(transcript.start)), ("totalBytes", .int(transcript.end)),
        ])))
  }
}
