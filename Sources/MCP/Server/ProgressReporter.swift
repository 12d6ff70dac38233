import JSON
import Synchronization

/// Sends `notifications/progress` for one call (MCP, basic/utilities/progress).
package final class ProgressReporter: Sendable {
  private let token: JSONValue
  private let version: ProtocolVersion
  private let send: @Sendable (JSONValue) -> Void
  private let last = Mutex(-Double.infinity)

  init(token: JSONValue, version: ProtocolVersion, send: @escaping @Sendable (JSONValue) -> Void) {
    self.token = token
    self.version = version
    self.send = send
  }

  /// Tells the client how far the call is.
  ///
  /// - Parameters:
  ///   - progress: Must grow from call to call; what does not is not sent.
  ///   - total: Where it ends, if that is known.
  ///   - message: For people; left out where the protocol version has no place for it.
  package func report(progress: Double, total: Double? = nil, message: String? = nil) {
    let grows = last.withLock { last in
      guard progress > last else { return false }
      last = progress
      return true
    }
    guard grows else { return }
    var params = JSONObject([("progressToken", token), ("progress", .double(progress))])
    if let total { params["total"] = .double(total) }
    if let message, version >= .v2025_03_26 { params["message"] = .string(message) }
    send(["jsonrpc": "2.0", "method": "notifications/progress", "params": .object(params)])
  }
}
