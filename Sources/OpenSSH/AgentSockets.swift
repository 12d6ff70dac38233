import ChildProcess

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where agents usually listen when nobody says so, and what they answer.
package enum AgentSockets {
  /// The usual places; those with `*` are patterns.
  package static func usualPlaces(userHome: String, runtimeDirectory: String) -> [String] {
    [
      "\(runtimeDirectory)/ssh-agent.socket", "\(runtimeDirectory)/openssh_agent",
      "\(runtimeDirectory)/keyring/ssh",
      "\(runtimeDirectory)/gcr/ssh", "\(runtimeDirectory)/gnupg/S.gpg-agent.ssh",
      "\(userHome)/.1password/agent.sock",
      "\(userHome)/Library/Group Containers/2BUA8C4S2C.com.1password/t/agent.sock",
      "\(userHome)/.bitwarden-ssh-agent.sock", "\(userHome)/.ssh/agent/*", "/tmp/ssh-*/agent.*",
      "/private/tmp/com.apple.launchd.*/Listeners",
    ]
  }

  /// The bounds of a search.
  private enum Limits {
    /// Sockets that are asked.
    static let candidates = 16
    /// How long one answer may take.
    static let answerMilliseconds: Int32 = 250
    /// How long all of them may take.
    static let search: Duration = .seconds(1)
  }

  /// The agent that a login would have.
  ///
  /// Only where neither the environment nor ssh_config says a word, the usual places are looked at: the newest
  /// socket of this user's that answers and holds keys, else the newest that answers.
  ///
  /// - Parameters:
  ///   - effective: What ssh_config says.
  ///   - environment: What ssh is given; an empty `SSH_AUTH_SOCK` means that no agent is wanted.
  /// - Returns: The agent and how it was found.
  package static func agent(
    _ effective: EffectiveConfiguration, environment: [String: String]
  ) -> AgentState {
    switch named(effective, environment: environment) {
    case .path(let path)?:
      return identities(at: path).map { .holds(path, keys: $0, isFound: false) } ?? .silent(path)
    case .off?: return .off
    case nil:
      let places = usualPlaces(
        userHome: environment["HOME"] ?? "",
        runtimeDirectory: environment["XDG_RUNTIME_DIR"].flatMap { $0.isEmpty ? nil : $0 }
          ?? "/run/user/\(getuid())")
      return newest(candidates(places.flatMap { Glob.paths($0) }))
    }
  }

  private enum Named {
    case path(String)
    case off
  }

  /// What ssh_config(5), IdentityAgent, or the environment names; nil when they are silent.
  private static func named(_ effective: EffectiveConfiguration, environment: [String: String]) -> Named? {
    switch effective["identityagent"] {
    case "none"?: return .off
    case nil, "SSH_AUTH_SOCK"?:
      return environment["SSH_AUTH_SOCK"].map { $0.isEmpty ? .off : .path($0) }
    case let path?:
      guard path.hasPrefix("$") else { return .path(path) }
      return environment[path.filter { !"${}".contains($0) }].map { .path($0) } ?? .off
    }
  }

  /// The sockets of this user's among the paths, newest first.
  private static func candidates(_ paths: [String]) -> [String] {
    paths.compactMap { path -> (path: String, seconds: Int)? in
      var status = stat()
      guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK, status.st_uid == geteuid() else {
        return nil
      }
      #if canImport(Darwin)
        return (path, status.st_mtimespec.tv_sec)
      #else
        return (path, status.st_mtim.tv_sec)
      #endif
    }.sorted { $0.seconds > $1.seconds }.prefix(Limits.candidates).map(\.path)
  }

  private static func newest(_ paths: [String]) -> AgentState {
    let end = ContinuousClock.now.advanced(by: Limits.search)
    var empty: AgentState = .none
    for path in paths where ContinuousClock.now < end {
      guard let keys = identities(at: path) else { continue }
      if keys > 0 { return .holds(path, keys: keys, isFound: true) }
      if empty == .none { empty = .holds(path, keys: 0, isFound: true) }
    }
    return empty
  }

  /// How many keys the agent of this user's at that socket holds; nil when nobody answers in time.
  ///
  /// The question and the answer are those of the agent protocol: SSH_AGENTC_REQUEST_IDENTITIES (11) and
  /// SSH_AGENT_IDENTITIES_ANSWER (12), after the length of the message.
  package static func identities(at path: String) -> Int? {
    guard let descriptor = UnixSocket.connect(to: path) else { return nil }
    defer { close(descriptor) }
    guard UnixSocket.peer(of: descriptor)?.user == geteuid() else { return nil }
    Descriptor.setNonBlocking(descriptor)
    let question: [UInt8] = [0, 0, 0, 1, 11]
    guard send(descriptor, question, question.count, sendFlags) == question.count else { return nil }
    var answer: [UInt8] = []
    while answer.count < 9 {
      var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&poller, 1, Limits.answerMilliseconds) == 1 else { return nil }
      var bytes = [UInt8](repeating: 0, count: 9 - answer.count)
      let count = read(descriptor, &bytes, bytes.count)
      guard count > 0 else { return nil }
      answer += bytes[..<count]
    }
    guard answer[4] == 12 else { return nil }
    return answer[5...].reduce(0) { $0 << 8 | Int($1) }
  }

  /// An agent that goes away meanwhile is no reason to end.
  private static var sendFlags: Int32 {
    #if canImport(Darwin)
      0
    #else
      Int32(MSG_NOSIGNAL)
    #endif
  }
}

/// The agent that a login has.
package enum AgentState: Sendable, Hashable {
  /// Nobody names one and none was found.
  case none
  /// None is wanted: `IdentityAgent none`, or an empty `SSH_AUTH_SOCK`.
  case off
  /// Nobody answers at the socket that was named.
  case silent(String)
  /// One answers there; it was found at a usual place, or was named.
  case holds(String, keys: Int, isFound: Bool)

  /// The socket to name to ssh, which it would not find by itself.
  package var foundSocket: String? {
    if case .holds(let path, _, isFound: true) = self { path } else { nil }
  }

  /// The agent as a sentence.
  package var words: String {
    switch self {
    case .none: "Agent: none; SSH_AUTH_SOCK is not set, and none of the usual places has one."
    case .off: "Agent: none is wanted (IdentityAgent or an empty SSH_AUTH_SOCK)."
    case .silent(let path): "Agent: nobody answers at \(path)."
    case .holds(let path, let keys, let isFound):
      "Agent: \(path) with \(keys == 1 ? "1 key" : "\(keys) keys")"
        + (isFound ? ", found although SSH_AUTH_SOCK is not set." : ".")
    }
  }
}
