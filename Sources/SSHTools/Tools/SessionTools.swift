import Foundation
import HostStore
import JSON
import Logging
import MCP
import OpenSSH
import RemoteShell

extension ToolDeclaration {
  static let startSession = ToolDeclaration(
    name: "start-session", title: "Start session",
    description:
      "Open a persistent shell and return its session id. host_id: a stored host, an ssh_config alias or "
      + "user@host. Fails within 35 s with the reason; the user may be asked first.",
    parameters: [
      Parameter(
        name: "host_id", kind: .string, isRequired: true, description: "Stored host, alias or user@host"),
      Parameter(
        name: "sessionId", aliases: ["session_id"], kind: .string,
        description: "Your own id; generated if absent"),
      Parameter(
        name: "accept_host_key", kind: .string,
        description: "SHA256:... fingerprint of an unknown host key that the user has confirmed"),
    ],
    annotations: ToolAnnotations(readOnly: false, destructive: false, idempotent: false, openWorld: true),
    output: .session,
    begin: { service, arguments, context in
      let hostID = arguments.required("host_id")
      let wanted = arguments.string("sessionId")?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
      let name = wanted.isEmpty ? UUID().uuidString.lowercased() : wanted
      try service.reserve(name)
      let fingerprint = arguments.string("accept_host_key")
      let interview = Interview(context, hostID: hostID, service)
      let record = service.record(of: hostID)
      return {
        await service.startSession(
          named: name, hostID: hostID, record, fingerprint: fingerprint, interview: interview)
      }
    })

  static let closeSession = ToolDeclaration(
    name: "close-session", title: "Close session",
    description: "End a session and whatever runs in its foreground.",
    parameters: [sessionParameter("sessionId")],
    annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true, openWorld: true),
    begin: { service, arguments, _ in
      let session = try service.session(arguments.required("sessionId"))
      service.close(session, .closed)
      return { CallToolResult(text: "Session '\(session.name)' closed") }
    })

  static let listSessions = ToolDeclaration(
    name: "list-sessions", title: "List sessions",
    description: "List the open sessions, a line each, with what runs in them.", parameters: [],
    annotations: ToolAnnotations(readOnly: true, destructive: false, idempotent: true, openWorld: false),
    output: .sessions,
    begin: { service, _, _ in
      let sessions = service.sessions.all.map { SessionSummary($0.session) }
      let list = JSONObject([("sessions", .array(sessions.map(\.json)))])
      return { CallToolResult(text: SessionSummary.text(sessions), structured: list) }
    })
}

extension SSHService {
  /// Takes a session's name, or says why not.
  func reserve(_ name: String) throws(ToolFailure) {
    guard name.utf8.count <= 128, name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
    else {
      throw ToolFailure(
        code: "invalid_argument", "Argument 'sessionId' must be at most 128 bytes without control characters."
      )
    }
    do throws(SessionTable<OpenSession>.Refusal) {
      try sessions.reserve(name)
    } catch {
      switch error {
      case .nameTaken:
        throw ToolFailure(
          code: "session_exists",
          "Session '\(name)' already exists. Use it, close it, or choose another sessionId.")
      case .full(let limit):
        throw ToolFailure(
          code: "too_many_sessions", "\(limit) sessions are open, the most there can be. Close one first.")
      }
    }
  }

  /// Opens a session under a name that is reserved for it.
  ///
  /// - Parameters:
  ///   - name: The reserved name.
  ///   - hostID: A stored host, an alias or a destination.
  ///   - record: Its record, as it is when the call's turn comes.
  ///   - fingerprint: A host key that the caller accepts.
  ///   - interview: Who is asked what ssh asks; nil for nobody.
  /// - Returns: The result of the call.
  func startSession(
    named name: String, hostID: String, _ record: HostQueue.Turn<StoredHost?>, fingerprint: String?,
    interview: Interview? = nil
  ) async -> CallToolResult {
    do {
      let target = try await target(hostID, record, acceptedFingerprint: fingerprint)
      do {
        let session = try await open(target, name: name, interview: interview)
        guard sessions.put(session, at: name) else {
          session.shell.close()
          giveBack(session.lease)
          throw CancellationError()
        }
        session.shell.onEnd { [weak self, weak session] in
          if let self, let session { forgetIfEnded(session) }
        }
        tellOfChanges(in: session)
        watchIdleness(of: session)
        log.debug("session opened", metadata: ["session": "\(name)", "host": "\(session.address)"])
        return CallToolResult(text: name, meta: Facts.meta(facts(of: session)))
      } catch {
        throw Self.failure(error, hostID: hostID, isStored: target.stored != nil)
      }
    } catch {
      sessions.remove(name)
      let failure = error as? ToolFailure ?? Self.failure(error, hostID: hostID, isStored: true)
      log.debug("session refused", metadata: ["host": "\(hostID)", "code": "\(failure.code)"])
      return failure.result
    }
  }

  /// Tells whoever is subscribed that the session is there, and of what happens in it.
  private func tellOfChanges(in session: OpenSession) {
    let transcript = ResourceAddress.transcript(session: session.name).uri
    session.shell.onChange { [changes] change in
      changes.post(transcript)
      if change == .state { changes.post(ResourceAddress.sessions.uri) }
    }
    changes.post(ResourceAddress.sessions.uri)
  }

  private func facts(of session: OpenSession) -> JSONObject {
    let shell = session.shell.shell
    var facts = JSONObject([
      ("session", .string(session.name)), ("host", .string(session.address)), ("user", .string(session.user)),
      ("cwd", .string(String(decoding: shell.directory, as: UTF8.self))),
    ])
    if let hello = shell.hello { facts["shell"] = .string(hello.dialect.rawValue) }
    if session.isClean { facts["startup_files"] = "skipped" }
    return facts
  }
}
