import JSON

/// Our own requests that a client has not answered yet, under ids of our own.
struct OpenQuestions {
  /// A question and who waits for its answer.
  struct Entry {
    let key: RequestID
    /// The call for which it is asked.
    let call: UInt64
    let continuation: CheckedContinuation<ElicitationAnswer, Never>
  }

  private var entries: [RequestID: Entry] = [:]
  private var last = 0

  mutating func nextKey() -> RequestID {
    last += 1
    return .string("ask-\(last)")
  }

  mutating func add(_ entry: Entry) { entries[entry.key] = entry }

  /// Takes one off the list; nil if it is not there (any more).
  mutating func remove(_ key: RequestID) -> Entry? { entries.removeValue(forKey: key) }

  mutating func removeAll() -> [Entry] {
    defer { entries = [:] }
    return Array(entries.values)
  }

  /// Takes all of one call off the list.
  mutating func removeAll(of call: UInt64) -> [Entry] {
    let ours = entries.values.filter { $0.call == call }
    for entry in ours { entries[entry.key] = nil }
    return ours
  }
}
