package import MCP
import RemoteShell

/// For programs that use the sessions without an MCP client.
extension SSHService {
  /// Whether a session of that name is open.
  package func hasSession(_ name: String) -> Bool { sessions[name] != nil }

  /// Opens a session under that name.
  package func openSession(_ name: String, hostID: String) async -> CallToolResult {
    do throws(ToolFailure) {
      try reserve(name)
    } catch {
      return error.result
    }
    return await startSession(named: name, hostID: hostID, fingerprint: nil)
  }

  /// Runs a command to its end; one that waits for input is stopped, since nobody is there to answer.
  package func run(_ command: String, in name: String) async -> CallToolResult {
    do throws(ToolFailure) {
      let session = try session(name)
      let command = try ToolDeclaration.checked(command)
      let pending: ShellSession.PendingCommand
      do throws(SessionFailure) {
        pending = try session.shell.enqueue(command, timeout: nil)
      } catch {
        throw failure(error, session)
      }
      let report = await pending.outcome(within: .seconds(Int64(Int32.max)))
      let text = CommandText(session: name, limit: ToolDeclaration.outputLimitCharacters)
      if case .waitingForInput(let program) = report.state {
        let result = await interrupt(session, nil)
        throw ToolFailure(
          code: "waiting_for_input",
          "'\(command.shortened)' waited for input (\(program.name)) and was stopped.\n\(result.text)")
      }
      forgetIfEnded(session)
      return text.result(report, waited: .zero)
    } catch {
      return error.result
    }
  }
}
