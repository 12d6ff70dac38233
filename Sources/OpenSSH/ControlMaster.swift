import ChildProcess
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One connection to one destination that sessions ride on: a child `ssh -M -N` of ours, or one that the user has
/// open already by a `ControlPath` of theirs.
///
/// Its life: made, logging in, ready, ended. Whoever waits for it is told of the end of the login, good or bad.
/// A connection of the user's is never ended by us.
package final class ControlMaster: Sendable {
  /// Where it goes.
  package let destination: Destination
  /// The path of its socket.
  package var controlPath: String { state.withLock { $0.usersPath } ?? ownPath }
  /// Whether the user opened it, and not we.
  package var isUsers: Bool { state.withLock { $0.usersPath != nil } }

  private let ownPath: String
  private let mayUseUsers: Bool
  private let program: SSHProgram
  private let spawner: ProcessSpawner
  private let reactor: Reactor
  private let state: Mutex<State>

  private struct State {
    var policy: AskpassPolicy?
    var refusal: AskpassPolicy.Refusal?
    var diagnostics = SSHDiagnostics()
    var effective: EffectiveConfiguration?
    var agent = AgentState.none
    /// The socket of the user's own connection, when sessions ride on that one.
    var usersPath: String?
    var child: ChildProcess?
    var listener: AskpassListener?
    var timer: Reactor.Timer?
    var person: Person?
    /// The question that a person is being asked; the login's time does not run meanwhile.
    var question: Task<Void, Never>?
    /// The seconds that the login had, once they are over.
    var timedOutAfter: Int?
    var isCancelled = false
    var outcome: Result<EffectiveConfiguration, SSHFailure>?
    var hasEnded = false
    var waiters: [CheckedContinuation<Result<EffectiveConfiguration, SSHFailure>, Never>] = []
  }

  /// A connection that nobody has started.
  ///
  /// - Parameters:
  ///   - destination: Where it goes.
  ///   - number: Names its socket; of no other connection of this process.
  ///   - mayUseUsers: Whether a connection that the user has open will do.
  ///   - program: ssh.
  ///   - spawner: Starts it.
  ///   - reactor: Carries it.
  init(
    destination: Destination, number: Int, mayUseUsers: Bool = true, program: SSHProgram,
    spawner: ProcessSpawner, reactor: Reactor
  ) {
    self.destination = destination
    self.program = program
    self.spawner = spawner
    self.reactor = reactor
    self.mayUseUsers = mayUseUsers
    ownPath = "\(program.runtimeDirectory)/m\(number)"
    state = Mutex(State())
  }

  /// Whether sessions can still be opened, as far as this process knows.
  var isAlive: Bool {
    state.withLock { state in
      if case .failure? = state.outcome { return false }
      return !state.hasEnded && !state.isCancelled
    }
  }

  /// Whether it lives but can take nobody any more, since somebody has removed its socket.
  var hasLostSocket: Bool { !isUsers && isAlive && access(ownPath, F_OK) != 0 }

  /// What ssh said to the user since the end of the login; why the connection was lost, if it was.
  package var lastWords: String { state.withLock { $0.diagnostics.words.suffix(4).joined(separator: "\n") } }

  // MARK: - The login

  /// Logs in; to be called once.
  func start(_ credentials: Credentials, _ person: Person?) async {
    do throws(SSHFailure) {
      let effective = try await readConfiguration()
      if mayUseUsers, await findUsers(effective) {
        // For what its sessions say; they do without where there is no place for it.
        try? program.makeDirectory()
        settle(.success(effective))
      } else {
        try logIn(credentials, effective, person)
      }
    } catch {
      settle(.failure(error))
    }
  }

  /// Waits for the end of the login.
  func ready() async -> Result<EffectiveConfiguration, SSHFailure> {
    await withCheckedContinuation { continuation in
      let outcome = state.withLock { state in
        if state.outcome == nil { state.waiters.append(continuation) }
        return state.outcome
      }
      if let outcome { continuation.resume(returning: outcome) }
    }
  }

  /// Ends the connection, or the login.
  func close() {
    let child = state.withLock { state in
      state.isCancelled = true
      return state.child
    }
    child?.terminate(grace: .milliseconds(500))
    settle(.failure(SSHFailure(.cancelled, destination: destination.name)))
  }

  private func readConfiguration() async throws(SSHFailure) -> EffectiveConfiguration {
    let launch = program.launch(SSHArguments.effectiveConfiguration(of: destination))
    let completed: CompletedProcess
    do throws(SpawnFailure) {
      completed = try await spawner.output(of: launch, within: .seconds(program.connectSeconds))
    } catch {
      throw SSHFailure(.sshMissing(detail: error.reason), destination: destination.name)
    }
    guard completed.termination == .exited(0) else {
      var diagnostics = SSHDiagnostics()
      diagnostics.consume(completed.errorOutput[...])
      diagnostics.finish()
      throw SSHFailure.classify(
        diagnostics, refusal: nil, termination: completed.termination, destination: destination.name,
        jumpHosts: nil)
    }
    return EffectiveConfiguration(output: String(decoding: completed.output, as: UTF8.self))
  }

  /// Whether the user has a connection open that works; then it is the one.
  private func findUsers(_ effective: EffectiveConfiguration) async -> Bool {
    guard let path = effective.controlPath, await check(path) else { return false }
    return state.withLock { state in
      guard !state.isCancelled else { return false }
      state.usersPath = path
      return true
    }
  }

  private func logIn(
    _ credentials: Credentials, _ effective: EffectiveConfiguration, _ person: Person?
  ) throws(SSHFailure) {
    let hosts = [destination.name, effective.hostName, effective["hostkeyalias"]].compactMap(\.self)
    let policy = AskpassPolicy(
      user: effective.user, hosts: Set(hosts), password: credentials.password,
      passphrase: credentials.passphrase, acceptedFingerprint: credentials.acceptedFingerprint,
      person: person?.abilities ?? [])
    let arguments = SSHArguments(destination: destination, controlPath: ownPath)
      .master(connectSeconds: program.connectSeconds, effective: effective)
    let socket = ownPath + "a"
    let agent = AgentSockets.agent(effective, environment: program.environment)
    let launch = program.launch(arguments, askpassSocket: socket, agentSocket: agent.foundSocket)
    do {
      try program.makeDirectory()
      let listener = try AskpassListener(
        path: socket, reactor: reactor, isOurs: { [weak self] in self?.isAncestor(of: $0) ?? false },
        decide: { [weak self] in self?.decide($0) })
      let isStarted = try state.withLock { state in
        state.policy = policy
        state.person = person
        state.effective = effective
        state.agent = agent
        state.listener = listener
        guard !state.isCancelled else { return false }
        state.child = try spawner.spawn(launch) { [weak self] in
          self?.receive($0)
        }
        // The whole login has this long: names, connection, keys, questions.
        startTimer(&state)
        return true
      }
      if !isStarted { listener.close() }
    } catch let failure as SpawnFailure {
      throw SSHFailure(.sshMissing(detail: failure.reason), destination: destination.name)
    } catch {
      throw SSHFailure(
        .other(status: "\(error)"), destination: destination.name, byHand: destination.loginByHand(["-v"]))
    }
  }

  // MARK: - What happens meanwhile

  private func receive(_ event: ChildProcess.Event) {
    switch event {
    case .output: break
    case .errorOutput(let bytes):
      let effective = state.withLock { state -> EffectiveConfiguration? in
        state.diagnostics.consume(bytes)
        // A server's banner can imitate the line, but not make the socket, which comes before it.
        guard state.outcome == nil, state.diagnostics.isReady, access(ownPath, F_OK) == 0 else { return nil }
        state.diagnostics.forgetWords()
        return state.effective
      }
      if let effective { settle(.success(effective)) }
    case .exited(let termination): ended(termination)
    }
  }

  private func ended(_ termination: Termination) {
    let failure = state.withLock { state -> SSHFailure in
      state.hasEnded = true
      state.diagnostics.finish()
      // Its end may be seen before `close` has told whoever waits.
      if state.isCancelled { return SSHFailure(.cancelled, destination: destination.name) }
      if let seconds = state.timedOutAfter {
        return SSHFailure(
          .timedOut(seconds: seconds, isConnected: state.diagnostics.isConnected),
          destination: destination.name, lastWords: state.diagnostics.words)
      }
      return SSHFailure.classify(
        state.diagnostics, refusal: state.refusal, triedKeyFile: state.policy?.triedKeyFile,
        triedPassword: state.policy?.triedPassword, agent: state.agent,
        termination: termination, destination: destination.name,
        byHand: destination.loginByHand(["-v"]), jumpHosts: state.effective?.proxyJump)
    }
    settle(.failure(failure))
    try? FileManager.default.removeItem(atPath: ownPath)
  }

  /// How long a person may take to touch a security key; most keys give up earlier.
  private static let touchSeconds = 60

  private func startTimer(_ state: inout State, seconds: Int? = nil) {
    state.timer?.cancel()
    let limit = seconds ?? program.connectSeconds
    state.timer = reactor.after(.seconds(limit)) { [weak self] in self?.timeOut(after: limit) }
  }

  private func timeOut(after seconds: Int) {
    let child = state.withLock { state -> ChildProcess? in
      guard state.outcome == nil, state.question == nil else { return nil }
      state.timedOutAfter = seconds
      return state.child
    }
    child?.terminate(grace: .milliseconds(500))
  }

  /// The login is over, the first time it is called: nothing can be asked any more.
  private func settle(_ outcome: Result<EffectiveConfiguration, SSHFailure>) {
    let (waiters, listener) = state.withLock { state in
      if state.outcome == nil { state.outcome = outcome }
      if case .failure = outcome, state.child == nil { state.hasEnded = true }
      state.timer?.cancel()
      state.question?.cancel()
      state.question = nil
      state.person = nil
      state.policy = nil
      defer {
        state.waiters = []
        state.listener = nil
      }
      return (state.waiters, state.listener)
    }
    listener?.close()
    for waiter in waiters { waiter.resume(returning: outcome) }
  }

  // MARK: - Questions

  private func decide(_ question: AskpassListener.Question) {
    let (decision, person) = state.withLock { state in
      (
        state.policy?.decide(question.prompt, partialSuccesses: state.diagnostics.partialSuccesses),
        state.person
      )
    }
    switch decision {
    case .answer(let secret)?: question.reply(secret)
    case .ask(let secretQuestion, let refusal)?:
      ask(secretQuestion, person) { [weak self] secret in
        if secret == nil { self?.refuse(refusal) }
        question.reply(secret)
      }
    // ssh ends its helper when the person has done what it waits for.
    case .show(let text)?:
      state.withLock { state in
        guard state.outcome == nil else { return }
        startTimer(&state, seconds: Self.touchSeconds)
      }
      person?.notice?(text)
    case .refuse(let refusal)? where question.prompt.isNotice:
      // A key that wants its PIN first takes the notice back at once.
      _ = reactor.after(Self.noticePause) { [weak self] in
        guard question.isOpen() else { return }
        self?.refuse(refusal)
        question.reply(nil)
      }
    case .refuse(let refusal)?:
      refuse(refusal)
      question.reply(nil)
    case nil: question.reply(nil)
    }
  }

  /// How long a notice must stand before it counts.
  private static let noticePause = Duration.seconds(1)

  /// Asks a person, who has a limit of their own; afterwards the login has its whole time again.
  private func ask(
    _ question: SecretQuestion, _ person: Person?, answer: @escaping @Sendable (Secret?) -> Void
  ) {
    state.withLock { state in
      guard state.outcome == nil, state.question == nil, let secret = person?.secret else {
        return reactor.perform { answer(nil) }
      }
      state.timer?.cancel()
      let limit = reactor.after(.seconds(program.personSeconds)) { [weak self] in
        self?.state.withLock { $0.question }?.cancel()
      }
      state.question = Task { [weak self] in
        let entered = await secret(question)
        limit.cancel()
        let isOpen = self?.state.withLock { state in
          guard state.outcome == nil else { return false }
          state.question = nil
          self?.startTimer(&state)
          return true
        }
        self?.reactor.perform { answer(isOpen == true ? entered : nil) }
      }
    }
  }

  /// Ends the login: without an answer ssh would send empty passwords.
  private func refuse(_ refusal: AskpassPolicy.Refusal) {
    let child = state.withLock { state in
      if state.refusal == nil { state.refusal = refusal }
      return state.child
    }
    child?.terminate(grace: .milliseconds(500))
  }

  /// Whether the process was started by our ssh, directly or by one that it started for a jump host.
  private func isAncestor(of process: Int32) -> Bool {
    guard let child = state.withLock({ $0.child?.processIdentifier }) else { return false }
    var current = process
    for _ in 0..<16 where current > 1 {
      if current == child { return true }
      guard let status = try? String(contentsOfFile: "/proc/\(current)/stat", encoding: .utf8),
        let parent = status.split(separator: ")").last?.split(separator: " ").dropFirst().first,
        let next = Int32(parent)
      else { return false }
      current = next
    }
    return false
  }

  // MARK: - Passengers

  /// What opens a session with a terminal on this connection.
  func sessionLaunch(_ remoteCommand: String) -> Launch {
    program.launch(SSHArguments(destination: destination, controlPath: controlPath).session(remoteCommand))
  }

  /// What runs a command without a terminal on this connection.
  func commandLaunch(_ remoteCommand: String) -> Launch {
    program.launch(SSHArguments(destination: destination, controlPath: controlPath).command(remoteCommand))
  }

  /// Asks the connection itself whether it is there.
  func answers() async -> Bool {
    guard isAlive else { return false }
    let path = controlPath
    if await check(path) { return isAlive }
    // Nobody tells us of the end of a connection that is not our child.
    state.withLock { if $0.usersPath != nil { $0.hasEnded = true } }
    return false
  }

  /// Whether a connection answers at that socket.
  private func check(_ path: String) async -> Bool {
    let arguments = SSHArguments(destination: destination, controlPath: path).control("check")
    let completed = try? await spawner.output(of: program.launch(arguments), within: .seconds(2))
    return completed?.termination == .exited(0)
  }
}
