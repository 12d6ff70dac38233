/// Bodies ordered by the instant at which they are due: a binary heap that forgets lazily.
///
/// Cancelling is the usual end of a timer here (a command finishes long before its budget), so it only drops
/// the body; the heap is swept when most of it is dead.
struct TimerQueue: Sendable {
  private var heap: [(deadline: ContinuousClock.Instant, id: UInt64)] = []
  private var bodies: [UInt64: @Sendable () -> Void] = [:]

  /// The earliest deadline; may be that of a cancelled timer, which then wakes nobody but the loop.
  var earliest: ContinuousClock.Instant? { heap.first?.deadline }

  /// The bodies that wait, in no order.
  var waiting: [@Sendable () -> Void] { Array(bodies.values) }

  /// How many bodies wait.
  var count: Int { bodies.count }

  /// How many places the heap holds, dead ones included; bounded by twice the living and a constant.
  var capacityInUse: Int { heap.count }

  mutating func insert(
    _ deadline: ContinuousClock.Instant, id: UInt64, body: @escaping @Sendable () -> Void
  ) {
    if heap.count > 2 * bodies.count + 64 { sweep() }
    bodies[id] = body
    heap.append((deadline, id))
    siftUp(from: heap.count - 1)
  }

  /// Takes a body back; nil if it has run or was taken back before.
  @discardableResult
  mutating func remove(_ id: UInt64) -> (@Sendable () -> Void)? {
    bodies.removeValue(forKey: id)
  }

  /// Takes out what is due, in the order of the deadlines.
  mutating func due(at now: ContinuousClock.Instant) -> [@Sendable () -> Void] {
    var due: [@Sendable () -> Void] = []
    while let first = heap.first, first.deadline <= now || bodies[first.id] == nil {
      removeFirst()
      if let body = bodies.removeValue(forKey: first.id) { due.append(body) }
    }
    return due
  }

  private mutating func sweep() {
    heap.removeAll { bodies[$0.id] == nil }
    heap.sort { $0.deadline < $1.deadline }
  }

  private mutating func removeFirst() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    siftDown(from: 0)
  }

  private mutating func siftUp(from index: Int) {
    var child = index
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].deadline < heap[parent].deadline else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func siftDown(from index: Int) {
    var parent = index
    while true {
      let left = 2 * parent + 1
      guard left < heap.count else { return }
      let right = left + 1
      let least = right < heap.count && heap[right].deadline < heap[left].deadline ? right : left
      guard heap[least].deadline < heap[parent].deadline else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
