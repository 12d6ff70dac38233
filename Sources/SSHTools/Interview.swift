import ChildProcess
import Foundation
import JSON
import LoopbackPage
import MCP
import OpenSSH

/// The person at the client of one call, for what ssh asks during its login.
struct Interview: Sendable {
  private let elicitor: Elicitor?
  private let progress: ProgressReporter?
  private let reactor: Reactor
  private let limit: Duration
  private let hostID: String

  /// Nil when there is no way to ask or tell anybody anything.
  init?(_ context: CallContext, hostID: String, _ service: SSHService) {
    guard context.elicitor != nil || context.progress != nil else { return nil }
    elicitor = context.elicitor
    progress = context.progress
    reactor = service.reactor
    self.hostID = hostID
    limit = .seconds(service.configuration.ssh.personSeconds)
  }

  /// What a login may ask or show.
  var person: Person {
    var person = Person()
    if let elicitor, elicitor.modes.contains(.url) {
      person.secret = { await enter($0, elicitor) }
    }
    if let progress {
      person.notice = { progress.report(progress: 1, message: "ssh: \($0)") }
    }
    return person
  }

  // MARK: - Host keys

  /// Asks whether a new key is right; anything but a clear yes within the limit is a no.
  func accepts(_ key: NewHostKey, of hostID: String) async -> Bool {
    guard let elicitor, elicitor.modes.contains(.form) else { return false }
    let message =
      "The host key of '\(hostID)' is not known.\nHost: \(key.host)\nKey type: \(key.type)\n"
      + "Fingerprint: \(key.fingerprint)\n"
      + "Accept it only if it is the one that the host's administrator names. ssh then keeps it in known_hosts."
    let answer = await within(limit) { await elicitor.ask(form: message, schema: Self.hostKeySchema) }
    guard case .accept(let content)? = answer else { return false }
    return content["accept"]?.bool == true
  }

  private static let hostKeySchema = JSONObject([
    ("type", "object"),
    (
      "properties",
      [
        "accept": [
          "type": "boolean", "title": "Accept this host key",
          "description": "I have compared the fingerprint with the host's own",
        ]
      ]
    ),
    ("required", ["accept"]),
  ])

  // MARK: - Secrets

  /// Has a secret entered on a page of this machine; it goes from there to ssh and nowhere else.
  ///
  /// The page is there as long as the task that asks: at most the login's limit for a person.
  private func enter(_ question: SecretQuestion, _ elicitor: Elicitor) async -> Secret? {
    let prompt = question.prompt.isEmpty ? "Answer" : question.prompt
    let account = question.account.map { " (\($0))" } ?? ""
    let words = LoopbackPage.Words(
      title: "ssh asks for a secret",
      paragraphs: [
        "To log in to \(hostID)\(account).",
        "What you enter goes to ssh and to nobody else: neither the agent nor its client sees it. "
          + "The words beside the field may be the server's.",
      ], label: prompt)
    guard let page = try? LoopbackPage(words, reactor: reactor) else { return nil }
    defer { page.close() }
    let id = UUID().uuidString.lowercased()
    let message =
      "ssh asks for a secret to log in to '\(hostID)'\(account): \(prompt)\n"
      + "Enter it on this page of the computer that the server runs on. It goes to ssh alone, not through this client."
    return await withTaskGroup(of: Entry.self) { group in
      group.addTask { .page(await page.secret()) }
      group.addTask { .client(await elicitor.ask(url: page.url, message: message, id: id)) }
      defer { group.cancelAll() }
      for await entry in group {
        switch entry {
        case .page(let bytes):
          elicitor.complete(id)
          return bytes.map { Secret(String(decoding: $0, as: UTF8.self)) }
        // Opened; what is entered comes from the page.
        case .client(.accept): break
        case .client: return nil
        }
      }
      return nil
    }
  }

  private enum Entry: Sendable {
    case page([UInt8]?)
    case client(ElicitationAnswer)
  }

  /// What the body returns; nil and the body cancelled when it takes longer.
  private func within<Success: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async -> Success
  ) async -> Success? {
    await withTaskGroup(of: Success?.self) { group in
      group.addTask { await body() }
      group.addTask {
        try? await Task.sleep(for: limit)
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
  }
}
