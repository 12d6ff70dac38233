import JSON
import Testing

@testable import MCP

/// How often a client may be told, and of what: values without a clock.
struct PacingTests {
  // MARK: - Pacing

  @Test func `the first event goes through and those in the pause are one`() {
    var pacing = Pacing<String>()
    let first = pacing.note("a")
    let inPause = (0..<5).map { _ in pacing.note("a") }
    let another = pacing.pauseIsOver("a")
    let nothing = pacing.pauseIsOver("a")
    let again = pacing.note("a")
    #expect(first && !inPause.contains(true) && another && !nothing && again)
  }

  @Test func `the pause after a gathered update is a pause as well`() {
    var pacing = Pacing<String>()
    _ = pacing.note("a")
    _ = pacing.note("a")
    let gathered = pacing.pauseIsOver("a")
    let inSecondPause = pacing.note("a")
    let gatheredAgain = pacing.pauseIsOver("a")
    #expect(gathered && !inSecondPause && gatheredAgain)
  }

  @Test func `each kind has a pause of its own`() {
    var pacing = Pacing<String>()
    _ = pacing.note("a")
    let other = pacing.note("b")
    let nothingOfB = pacing.pauseIsOver("b")
    #expect(other && !nothingOfB)
  }

  @Test func `what is forgotten begins anew`() {
    var pacing = Pacing<String>()
    _ = pacing.note("a")
    _ = pacing.note("a")
    pacing.forget("a")
    let nothing = pacing.pauseIsOver("a")
    let first = pacing.note("a")
    #expect(!nothing && first)
  }

  // MARK: - Subscriptions

  private func listen(_ resources: [String] = [], tasks: Set<String> = []) -> Subscriptions.Listen {
    Subscriptions.Listen(
      resources: Dictionary(uniqueKeysWithValues: resources.map { ($0, [ByteKey("\($0)!")]) }), tasks: tasks,
      answer: { _ in })
  }

  private func target(_ id: RequestID?, _ uri: String) -> Subscriptions.Target {
    Subscriptions.Target(listen: id, uri: uri)
  }

  private let one = RequestID.string("1")
  private let two = RequestID(.int(1)) ?? .string("one")

  @Test func `nobody is told of what nobody asked for`() {
    var subscriptions = Subscriptions()
    _ = subscriptions.subscribe(to: "A", changingAs: "a")
    subscriptions.open(listen(["b"], tasks: ["t"]), as: one)
    let tells = ["a", "b", "c"].map { subscriptions.noteChange(of: $0) }
    #expect(tells == [true, true, false])
    #expect(subscriptions.targets(of: "a") == [target(nil, "A")])
    #expect(subscriptions.targets(of: "b") == [target(one, "b!")])
    #expect(subscriptions.targets(of: "c").isEmpty)
  }

  @Test func `ids of listening requests keep their type`() {
    var subscriptions = Subscriptions()
    subscriptions.open(listen(["a"]), as: one)
    subscriptions.open(listen(["a"]), as: two)
    #expect(Set(subscriptions.targets(of: "a")) == [target(one, "a!"), target(two, "a!")])
    #expect(subscriptions.close(one) != nil && subscriptions.close(one) == nil)
    #expect(subscriptions.targets(of: "a") == [target(two, "a!")])
  }

  @Test func `a change gathered for somebody who has gone is not told to the next`() {
    var subscriptions = Subscriptions()
    _ = subscriptions.subscribe(to: "A", changingAs: "a")
    let first = subscriptions.noteChange(of: "a")
    let gathered = subscriptions.noteChange(of: "a")
    subscriptions.unsubscribe(from: "A")
    let atEnd = subscriptions.pauseIsOver(of: "a")
    #expect(first && !gathered && !atEnd)
    _ = subscriptions.subscribe(to: "A", changingAs: "a")
    let anew = subscriptions.noteChange(of: "a")
    #expect(anew)
  }

  @Test func `addresses are counted once and have a limit`() {
    var subscriptions = Subscriptions()
    let all = (0..<Subscriptions.Limits.entries).map { subscriptions.subscribe(to: "\($0)", changingAs: "x") }
    let again = subscriptions.subscribe(to: "0", changingAs: "x")
    let more = subscriptions.subscribe(to: "more", changingAs: "y")
    #expect(!all.contains(false) && again && !more)
    subscriptions.unsubscribe(from: "0")
    let place = subscriptions.subscribe(to: "more", changingAs: "y")
    #expect(place)
  }

  @Test func `two spellings of one address are told each as it was written, and end one by one`() {
    var subscriptions = Subscriptions()
    _ = subscriptions.subscribe(to: "A", changingAs: "a")
    _ = subscriptions.subscribe(to: "a", changingAs: "a")
    #expect(Set(subscriptions.targets(of: "a")) == [target(nil, "A"), target(nil, "a")])
    subscriptions.unsubscribe(from: "A")
    #expect(subscriptions.targets(of: "a") == [target(nil, "a")])
    subscriptions.unsubscribe(from: "a")
    #expect(!subscriptions.includes("a"))
  }

  @Test func `the end of a task is told to each who listens, once`() {
    var subscriptions = Subscriptions()
    subscriptions.open(listen(tasks: ["t", "u"]), as: one)
    subscriptions.open(listen(tasks: ["t"]), as: two)
    let first = subscriptions.takeListens(toTask: "t")
    let second = subscriptions.takeListens(toTask: "t")
    let other = subscriptions.takeListens(toTask: "u")
    #expect(Set(first) == [one, two] && second.isEmpty && other == [one])
  }

  @Test func `the end closes everything once`() {
    var subscriptions = Subscriptions()
    _ = subscriptions.subscribe(to: "A", changingAs: "a")
    subscriptions.open(listen(["a"]), as: one)
    let first = subscriptions.closeAll()
    let second = subscriptions.closeAll()
    #expect(first.count == 1 && second.isEmpty && !subscriptions.includes("a"))
  }
}
