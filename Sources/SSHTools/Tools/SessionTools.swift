import Foundation
import HostStore
import JSON
import Logging
import MCP
import OpenSSH
import RemoteShell

extension ToolDeclaration {
  /// Login and shell: 15 s and, where its start-up files hang, 12 s and 6 s more.
  private static let loginSeconds = 35

  static let startSession = ToolDeclaration(
    name: "start-session", title: "Start session",
    description:
      "Open a persistent shell and return its session id. host_id: a stored host, an ssh_config alias or "
      + "user@host. Fails within \(loginSeconds) s with the reason, with a passwordCommand within "
      + "\(loginSeconds + SSHService.passwordCommandSeconds) s; the user may be asked first.",
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
      let reservation = try service.reserve(name)
      let fingerprint = arguments.string("accept_host_key")
      let interview = Interview(context, hostID: hostID, service)
      let record = service.record(of: hostID)
      return {
        await service.startSession(
          reservation, hostID: hostID, record, fingerprint: fingerprint, interview: interview)
      }
    })

  static let closeSession = ToolDeclaration(
    name: "close-session", title: "Close session",
    description: "End a session and whatever runs in its foreground, or cancel its opening.",
    parameters: [sessionParameter("sessionId")],
    annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true, openWorld: true),
    begin: { service, arguments, _ in
      let name = arguments.required("sessionId")
      if !service.sessions.cancelOpening(name) { service.close(try service.session(name), .closed) }
      return { CallToolResult(text: "Session '\(name)' closed") }
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
  func reserve(_ name: String) throws(ToolFailure) -> SessionTable<OpenSession>.Reservation {
    guard name.utf8.count <= 128, name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
    else {
      throw ToolFailure(
        code: "invalid_argument", "Argument 'sessionId' must be at most 128 bytes without control characters."
      )
    }
    do throws(SessionTable<OpenSession>.Refusal) {
      return try sessions.reserve(name)
    } catch {
      switch error {
      case .nameTaken(isBeingOpened: true):
        throw ToolFailure(
          code: "session_exists",
          "Session '\(name)' already exists: it is being opened. Wait for that, cancel it with close-session, or choose "
            + "another sessionId.")
      case .nameTaken(isBeingOpened: false):
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
  ///   - reservation: The reserved name.
  ///   - hostID: A stored host, an alias or a destination.
  ///   - record: Its record, as it is when the call's turn comes.
  ///   - fingerprint: A host key that the caller accepts.
  ///   - interview: Who is asked what ssh asks; nil for nobody.
  /// - Returns: The result of the call.
  func startSession(
    _ reservation: SessionTable<OpenSession>.Reservation, hostID: String,
    _ record: HostQueue.Turn<StoredHost?>, fingerprint: String?, interview: Interview? = nil
  ) async -> CallToolResult {
    // A task of its own, since close-session can end it as the call's cancellation can.
    let opening = Task {
      try await open(reservation, hostID: hostID, record, fingerprint: fingerprint, interview: interview)
    }
    sessions.onCancel(of: reservation) { opening.cancel() }
    let outcome = await withTaskCancellationHandler {
      await opening.result
    } onCancel: {
      opening.cancel()
    }
    let name = reservation.name
    do {
      let session = try outcome.get()
      log.debug("session opened", metadata: ["session": "\(name)", "host": "\(session.address)"])
      return CallToolResult(text: name, meta: Facts.meta(facts(of: session)))
    } catch {
      var failure = error as? ToolFailure ?? Self.failure(error, hostID: hostID, isStored: true)
      if !sessions.giveBack(reservation) {
        failure = ToolFailure(
          code: "cancelled", "Session '\(name)' was closed while it was being opened; nothing was left open.")
      }
      log.debug("session refused", metadata: ["host": "\(hostID)", "code": "\(failure.code)"])
      return failure.result
    }
  }

  private func open(
    _ reservation: SessionTable<OpenSession>.Reservation, hostID: String,
    _ record: HostQueue.Turn<StoredHost?>, fingerprint: String?, interview: Interview?
  ) async throws -> OpenSession {
    let target = try await target(hostID, record, acceptedFingerprint: fingerprint)
    let session: OpenSession
    do {
      session = try await open(target, name: reservation.name, interview: interview)
    } catch {
      throw Self.failure(error, hostID: hostID, isStored: target.stored != nil)
    }
    try keep(session, at: reservation)
    session.shell.onEnd { [weak self, weak session] in
      if let self, let session { forgetIfEnded(session) }
    }
    tellOfChanges(in: session)
    watchIdleness(of: session)
    return session
  }

  /// Puts a session at the name that is reserved for it.
  ///
  /// - Throws: `CancellationError` if its opening was cancelled meanwhile; nothing is left of it then.
  func keep(_ session: OpenSession, at reservation: SessionTable<OpenSession>.Reservation)
    throws(CancellationError)
  {
    guard sessions.put(session, at: reservation) else {
      session.shell.close()
      giveBack(session.lease)
      throw CancellationError()
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
