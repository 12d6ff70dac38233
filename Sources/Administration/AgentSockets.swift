/// Where agents usually listen when nobody says so, and what `ssh-add -l` answers.
enum AgentSockets {
  /// The usual places; those with `*` are patterns.
  static func usualPlaces(userHome: String, runtimeDirectory: String) -> [String] {
    [
      "\(runtimeDirectory)/ssh-agent.socket", "\(runtimeDirectory)/openssh_agent",
      "\(runtimeDirectory)/keyring/ssh",
      "\(runtimeDirectory)/gcr/ssh", "\(runtimeDirectory)/gnupg/S.gpg-agent.ssh",
      "\(userHome)/.1password/agent.sock",
      "\(userHome)/Library/Group Containers/2BUA8C4S2C.com.1password/t/agent.sock",
      "\(userHome)/.bitwarden-ssh-agent.sock", "\(userHome)/.ssh/agent/s.*", "/tmp/ssh-*/agent.*",
      "/private/tmp/com.apple.launchd.*/Listeners",
    ]
  }

  /// What an agent says of itself.
  enum Answer: Sendable, Hashable {
    /// It holds these many keys.
    case identities(Int)
    /// Nobody answers.
    case silent(String)
  }

  /// The answer by `ssh-add -l`'s exit status and output (ssh-add(1): 0, 1 without keys, 2 without an agent).
  static func answer(status: Int32?, output: String, errors: String) -> Answer {
    switch status {
    case 0: return .identities(output.split(separator: "\n").count)
    case 1 where (output + errors).contains("no identities"): return .identities(0)
    default:
      let said = errors.split(separator: "\n").last.map(String.init) ?? "it did not answer within 5 s"
      return .silent(said)
    }
  }
}
