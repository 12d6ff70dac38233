import OpenSSH
import Testing

struct AskpassTests {
  static let hostKeyText = """
    The authenticity of host '[10.0.0.5]:2222 ([10.0.0.5]:2222)' can't be established.
    ED25519 key fingerprint is SHA256:hKnt8iJKrhLB7UAu66TBAj5ci74OZK42VybxMC2ReaE.
    This key is not known by any other names.
    Are you sure you want to continue connecting (yes/no/[fingerprint])?
    """
  static let fingerprint = "SHA256:hKnt8iJKrhLB7UAu66TBAj5ci74OZK42VybxMC2ReaE"

  @Test(arguments: [
    ("deploy@web's password: ", nil, AskpassPrompt.password(user: "deploy", host: "web")),
    ("a@b@web's password: ", nil, .password(user: "a@b", host: "web")),
    (
      "(deploy@web) Password: ", nil,
      .keyboardInteractive(user: "deploy", host: "web", prompt: "Password: ")
    ),
    (
      "(deploy@web) Verification code: ", nil,
      .keyboardInteractive(user: "deploy", host: "web", prompt: "Verification code: ")
    ),
    ("Enter passphrase for key '/home/u/.ssh/id': ", nil, .passphrase(keyFile: "/home/u/.ssh/id")),
    (
      hostKeyText, nil,
      .hostKey(host: "[10.0.0.5]:2222 ([10.0.0.5]:2222)", type: "ED25519", fingerprint: fingerprint)
    ),
    ("Enter PIN for 'token': ", nil, .pin("Enter PIN for 'token': ")),
    (
      "Confirm user presence for key ED25519-SK SHA256:x", "none",
      .notice("Confirm user presence for key ED25519-SK SHA256:x")
    ),
    ("Allow use of key x?", "confirm", .notice("Allow use of key x?")),
    ("Something else", nil, .other("Something else")),
  ])
  func `each question of OpenSSH is recognized`(_ text: String, _ hint: String?, _ prompt: AskpassPrompt) {
    #expect(AskpassPrompt(text, hint: hint) == prompt)
  }

  func policy(accepted: String? = nil) -> AskpassPolicy {
    AskpassPolicy(
      user: "deploy", hosts: ["web", "10.0.0.5"], password: Secret("p"), passphrase: Secret("k"),
      acceptedFingerprint: accepted)
  }

  @Test func `the password answers its own question once, the next is that it was wrong`() {
    var policy = policy()
    let prompt = AskpassPrompt.password(user: "deploy", host: "web")
    #expect(policy.decide(prompt, partialSuccesses: 0) == .answer(Secret("p")))
    #expect(
      policy.decide(prompt, partialSuccesses: 0) == .refuse(.passwordWrong(user: "deploy", host: "web")))
  }

  @Test func `the other method is not given the wrong password again`() {
    var policy = policy()
    let interactive = AskpassPrompt.keyboardInteractive(user: "deploy", host: "web", prompt: "Password: ")
    #expect(policy.decide(interactive, partialSuccesses: 0) == .answer(Secret("p")))
    let prompt = AskpassPrompt.password(user: "deploy", host: "web")
    #expect(
      policy.decide(prompt, partialSuccesses: 0) == .refuse(.passwordWrong(user: "deploy", host: "web")))
  }

  @Test func `after a partial success the second method gets it too`() {
    var policy = policy()
    let interactive = AskpassPrompt.keyboardInteractive(user: "deploy", host: "web", prompt: "Password: ")
    _ = policy.decide(interactive, partialSuccesses: 0)
    let prompt = AskpassPrompt.password(user: "deploy", host: "web")
    #expect(policy.decide(prompt, partialSuccesses: 1) == .answer(Secret("p")))
  }

  @Test(arguments: [
    AskpassPrompt.password(user: "deploy", host: "jump"), .password(user: "root", host: "web"),
    .keyboardInteractive(user: "deploy", host: "web", prompt: "Verification code: "),
    .keyboardInteractive(user: "deploy", host: "web", prompt: "One-time password: "),
    .keyboardInteractive(user: "deploy", host: "web", prompt: "New password: "),
    .pin("Enter PIN"), .notice("touch"), .other("Password: "),
  ])
  func `the password goes to no other host, user or question`(_ prompt: AskpassPrompt) {
    var policy = policy()
    guard case .refuse = policy.decide(prompt, partialSuccesses: 0) else {
      Issue.record("\(prompt) was answered")
      return
    }
  }

  @Test func `a passphrase is tried once a key`() {
    var policy = policy()
    #expect(policy.decide(.passphrase(keyFile: "/a"), partialSuccesses: 0) == .answer(Secret("k")))
    #expect(policy.decide(.passphrase(keyFile: "/b"), partialSuccesses: 0) == .answer(Secret("k")))
    #expect(
      policy.decide(.passphrase(keyFile: "/a"), partialSuccesses: 0)
        == .refuse(.passphraseWrong(keyFile: "/a")))
  }

  @Test func `a host key is accepted by its exact fingerprint only`() {
    let prompt = AskpassPrompt(Self.hostKeyText, hint: nil)
    var exact = policy(accepted: Self.fingerprint)
    #expect(exact.decide(prompt, partialSuccesses: 0) == .answer(Secret(Self.fingerprint)))
    for accepted in [nil, "yes", "SHA256:other"] {
      var policy = policy(accepted: accepted)
      guard case .refuse = policy.decide(prompt, partialSuccesses: 0) else {
        Issue.record("accepted with \(accepted ?? "nothing")")
        return
      }
    }
  }
}
