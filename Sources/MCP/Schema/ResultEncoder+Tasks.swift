import Foundation
import JSON

/// The extension io.modelcontextprotocol/tasks of 2026-07-28.
extension ResultEncoder {
  /// Between two looks of a client, in milliseconds.
  private static let pollInterval = 2000

  /// The task instead of a result.
  func taskCreated(_ task: BackgroundTask.Snapshot) -> JSONValue {
    .object(
      JSONObject(
        [("resultType", "task")] + fields(of: task)
          + [("_meta", .object(JSONObject([(Self.serverInfoKey, serverInfo)])))]))
  }

  /// The task as it stands, with its result once it has one.
  func task(_ task: BackgroundTask.Snapshot) -> JSONValue { complete(details(of: task)) }

  /// The same for whoever listens.
  func taskChanged(_ task: BackgroundTask.Snapshot, to id: RequestID) -> JSONValue {
    Connection.message(
      notification: "notifications/tasks",
      .object(JSONObject(details(of: task) + [("_meta", subscription(id))])))
  }

  /// That something was taken.
  var acknowledgement: JSONValue { complete([]) }

  private func details(of task: BackgroundTask.Snapshot) -> [(String, JSONValue)] {
    guard case .completed(let result) = task.status else { return fields(of: task) }
    return fields(of: task) + [("result", call(result))]
  }

  private func fields(of task: BackgroundTask.Snapshot) -> [(String, JSONValue)] {
    var fields: [(String, JSONValue)] = [
      ("taskId", .string(task.id)), ("status", .string(task.status.name)),
    ]
    switch task.status {
    case .working(let message), .cancelled(let message):
      fields.append(("statusMessage", .string(message)))
    case .completed: break
    }
    return fields + [
      ("createdAt", .string(Self.text(of: task.created))),
      ("lastUpdatedAt", .string(Self.text(of: task.updated))),
      ("ttlMs", .int(Int(task.lifetime * 1000))), ("pollIntervalMs", .int(Self.pollInterval)),
    ]
  }

  /// ISO 8601 with milliseconds, in UTC.
  private static func text(of date: Date) -> String {
    date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}

extension BackgroundTask.Status {
  /// The word of the protocol for it.
  var name: String {
    switch self {
    case .working: "working"
    case .completed: "completed"
    case .cancelled: "cancelled"
    }
  }

  /// Whether it does not change any more.
  var isFinal: Bool { if case .working = self { false } else { true } }
}
