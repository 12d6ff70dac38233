import OpenSSH
import Testing

@Suite struct AskpassPromptTests {
  static let hostKeyText = """
    The authenticity of host '[127.0.0.1]:2222 ([127.0.0.1]:2222)' can't be established.
    ED25519 key fingerprint is SHA256:+d6ErV4XR/H3SxgXWT/We9jb0oaBZoA+HJZFP3PW2E8.
    This key is not known by any other names.
    Are you sure you want to continue connecting (yes/no/[fingerprint])?\u{20}
    """

  @Test(arguments: [
    ("deploy@10.0.0.5's password: ", nil, AskpassPrompt.password(user: "deploy", host: "10.0.0.5")),
    ("u@dom@host's password: ", nil, .password(user: "u@dom", host: "host")),
    (
      "(deploy@web) Password: ", nil,
      .keyboardInteractive(user: "deploy", host: "web", prompt: "Password: ")
    ),
    (
      "(deploy@web) Two\nlines: ", nil,
      .keyboardInteractive(user: "deploy", host: "web", prompt: "Two\nlines: ")
    ),
    ("(deploy@web) ", nil, .keyboardInteractive(user: "deploy", host: "web", prompt: "")),
    ("Enter passphrase for key '/home/u/.ssh/id': ", nil, .passphrase(keyFile: "/home/u/.ssh/id")),
    ("Enter passphrase for key '/it's/id': ", nil, .passphrase(keyFile: "/it's/id")),
    ("Enter passphrase for /home/u/.ssh/id: ", nil, .passphrase(keyFile: "/home/u/.ssh/id")),
    (
      hostKeyText, nil,
      .hostKey(
        host: "[127.0.0.1]:2222", type: "ED25519",
        fingerprint: "SHA256:+d6ErV4XR/H3SxgXWT/We9jb0oaBZoA+HJZFP3PW2E8")
    ),
    (
      hostKeyText.replacing("'[127.0.0.1]:2222 (", with: "'web ("), nil,
      .hostKey(
        host: "web ([127.0.0.1]:2222)", type: "ED25519",
        fingerprint: "SHA256:+d6ErV4XR/H3SxgXWT/We9jb0oaBZoA+HJZFP3PW2E8")
    ),
    ("Enter PIN for 'token': ", nil, .pin("Enter PIN for 'token': ")),
    ("Enter PIN for ED25519-SK key /k: ", nil, .pin("Enter PIN for ED25519-SK key /k: ")),
    ("Confirm user presence for key", "none", .notice("Confirm user presence for key")),
    ("Allow use of key /k?", "confirm", .notice("Allow use of key /k?")),
    ("The authenticity of host 'x' is odd.", nil, .other("The authenticity of host 'x' is odd.")),
    ("Enter new password:", nil, .other("Enter new password:")),
    ("", nil, .other("")),
  ])
  func `every question of OpenSSH has its kind`(_ text: String, _ hint: String?, _ kind: AskpassPrompt) {
    #expect(AskpassPrompt(text, hint: hint) == kind)
  }
}

@Suite struct AskpassPolicyTests {
  static let password = Secret("hunter2")
  static let passphrase = Secret("open sesame")
  static let fingerprint = "SHA256:abc"

  func policy(
    password: Secret? = Self.password, passphrase: Secret? = Self.passphrase, accepted: String? = nil
  )
    -> AskpassPolicy
  {
    AskpassPolicy(
      user: "deploy", hosts: ["web", "10.0.0.5"], password: password, passphrase: passphrase,
      acceptedFingerprint: accepted)
  }

  @Test(arguments: ["web", "10.0.0.5"])
  func `the password is told once; asked again, it was wrong`(_ host: String) {
    var policy = policy()
    let question = AskpassPrompt.password(user: "deploy", host: host)
    #expect(policy.decide(question, partialSuccesses: 0) == .answer(Self.password))
    #expect(
      policy.decide(question, partialSuccesses: 0) == .refuse(.passwordWrong(user: "deploy", host: host)))
    #expect(
      policy.decide(question, partialSuccesses: 0) == .refuse(.passwordWrong(user: "deploy", host: host)))
  }

  @Test func `the other password method is no second attempt`() {
    var policy = policy()
    _ = policy.decide(
      .keyboardInteractive(user: "deploy", host: "web", prompt: "Password: "), partialSuccesses: 0)
    #expect(
      policy.decide(.password(user: "deploy", host: "web"), partialSuccesses: 0)
        == .refuse(.passwordWrong(user: "deploy", host: "web")))
  }

  @Test func `a partial success allows one more`() {
    var policy = policy()
    let first = AskpassPrompt.password(user: "deploy", host: "web")
    let second = AskpassPrompt.keyboardInteractive(user: "deploy", host: "web", prompt: "Password: ")
    #expect(policy.decide(first, partialSuccesses: 0) == .answer(Self.password))
    #expect(policy.decide(second, partialSuccesses: 1) == .answer(Self.password))
    #expect(
      policy.decide(second, partialSuccesses: 1) == .refuse(.passwordWrong(user: "deploy", host: "web")))
  }

  @Test(arguments: [
    AskpassPrompt.password(user: "deploy", host: "jump"), .password(user: "root", host: "web"),
    .keyboardInteractive(user: "deploy", host: "jump", prompt: "Password: "),
    .keyboardInteractive(user: "root", host: "web", prompt: "Password: "),
    // A jump host's server chose what stands behind its own name.
    AskpassPrompt("(deploy@jump) (deploy@web) Password: ", hint: nil),
    AskpassPrompt("(deploy@jump) deploy@web's password: ", hint: nil),
    AskpassPrompt("(deploy@jump) x\n(deploy@web) Password: ", hint: nil),
  ])
  func `a jump host or another user never gets the password`(_ question: AskpassPrompt) {
    var policy = policy()
    guard case .refuse(.passwordMissing) = policy.decide(question, partialSuccesses: 0) else {
      Issue.record("not refused: \(question)")
      return
    }
    // And the refusal has used nothing up.
    #expect(
      policy.decide(.password(user: "deploy", host: "web"), partialSuccesses: 0) == .answer(Self.password))
  }

  @Test func `without a password the question is refused as missing one`() {
    var policy = policy(password: nil)
    #expect(
      policy.decide(.password(user: "deploy", host: "web"), partialSuccesses: 0)
        == .refuse(.passwordMissing(user: "deploy", host: "web")))
  }

  @Test(arguments: [
    "Verification code: ", "One-time password: ", "Enter new password: ", "Passcode: ", "", "Continue?",
  ])
  func `keyboard-interactive gets the password only for a password`(_ prompt: String) {
    var policy = policy()
    #expect(
      policy.decide(.keyboardInteractive(user: "deploy", host: "web", prompt: prompt), partialSuccesses: 0)
        == .refuse(.unanswerable(prompt: prompt)))
  }

  @Test(arguments: [Self.password, nil])
  func `a password asked for again after a code tells that one of the two was wrong`(_ stored: Secret?) {
    var policy = AskpassPolicy(
      user: "deploy", hosts: ["web"], password: stored, passphrase: nil, acceptedFingerprint: nil,
      person: [.entersSecrets])
    func decide(_ prompt: String) -> AskpassPolicy.Decision {
      policy.decide(.keyboardInteractive(user: "deploy", host: "web", prompt: prompt), partialSuccesses: 0)
    }
    let first = decide("Password: ")
    #expect((first == .answer(Self.password)) == (stored != nil))
    let code = SecretQuestion(prompt: "Code: ", account: "deploy@web")
    #expect(decide("Code: ") == .ask(code, otherwise: .unanswerable(prompt: "Code: ")))
    #expect(policy.triedPassword?.code == "Code: " && policy.triedPassword?.hasPassword == true)
    #expect(decide("Password: ") == .refuse(.answerWrong(prompt: "Code: ", isWithPassword: true)))
  }

  @Test func `a code asked for again was wrong`() {
    var policy = AskpassPolicy(
      user: "deploy", hosts: ["web"], password: nil, passphrase: nil, acceptedFingerprint: nil,
      person: [.entersSecrets])
    let question = AskpassPrompt.keyboardInteractive(user: "deploy", host: "web", prompt: "Code: ")
    _ = policy.decide(question, partialSuccesses: 0)
    #expect(policy.triedPassword?.code == "Code: " && policy.triedPassword?.hasPassword == false)
    #expect(
      policy.decide(question, partialSuccesses: 0)
        == .refuse(.answerWrong(prompt: "Code: ", isWithPassword: false)))
  }

  @Test func `what a person is asked for is remembered, for a login that ends without another question`() {
    var policy = AskpassPolicy(
      user: "deploy", hosts: ["web"], password: nil, passphrase: nil, acceptedFingerprint: nil,
      person: [.entersSecrets])
    _ = policy.decide(.passphrase(keyFile: "/k"), partialSuccesses: 0)
    #expect(policy.triedKeyFile == "/k")
    _ = policy.decide(.password(user: "deploy", host: "web"), partialSuccesses: 0)
    #expect(policy.triedPassword == AskpassPolicy.Account(user: "deploy", host: "web"))
  }

  @Test func `the passphrase is told once a key`() {
    var policy = policy()
    #expect(policy.triedKeyFile == nil)
    #expect(policy.decide(.passphrase(keyFile: "/a"), partialSuccesses: 0) == .answer(Self.passphrase))
    #expect(policy.decide(.passphrase(keyFile: "/b"), partialSuccesses: 0) == .answer(Self.passphrase))
    #expect(policy.triedKeyFile == "/b")
    #expect(
      policy.decide(.passphrase(keyFile: "/a"), partialSuccesses: 3)
        == .refuse(.passphraseWrong(keyFile: "/a")))
    var none = self.policy(passphrase: nil)
    #expect(
      none.decide(.passphrase(keyFile: "/a"), partialSuccesses: 0)
        == .refuse(.passphraseMissing(keyFile: "/a")))
    #expect(none.triedKeyFile == nil)
  }

  @Test func `a host key is answered with its fingerprint, and only the accepted one`() {
    var policy = policy(accepted: Self.fingerprint)
    func question(_ fingerprint: String) -> AskpassPrompt {
      .hostKey(host: "web", type: "ED25519", fingerprint: fingerprint)
    }
    #expect(
      policy.decide(question(Self.fingerprint), partialSuccesses: 0) == .answer(Secret(Self.fingerprint)))
    for other in ["SHA256:abcd", "SHA256:ab", "sha256:abc", ""] {
      #expect(
        policy.decide(question(other), partialSuccesses: 0)
          == .refuse(
            .hostKeyNotAccepted(
              host: "web", type: "ED25519", fingerprint: other, accepted: Self.fingerprint)))
    }
    var none = self.policy()
    #expect(
      none.decide(question(Self.fingerprint), partialSuccesses: 0)
        == .refuse(.hostKeyUnknown(host: "web", type: "ED25519", fingerprint: Self.fingerprint)))
  }

  @Test(arguments: [AskpassPrompt.pin("x"), .notice("x"), .other("x")])
  func `everything else is refused`(_ question: AskpassPrompt) {
    var policy = policy(accepted: Self.fingerprint)
    #expect(policy.decide(question, partialSuccesses: 9) == .refuse(.unanswerable(prompt: "x")))
  }
}

@Suite struct AskpassPersonTests {
  func policy(
    password: Secret? = nil, accepted: String? = nil, person: Set<Person.Ability> = [.entersSecrets, .sees]
  ) -> AskpassPolicy {
    AskpassPolicy(
      user: "deploy", hosts: ["web"], password: password, passphrase: nil, acceptedFingerprint: accepted,
      person: person)
  }

  @Test(
    arguments: [
      (AskpassPrompt.password(user: "deploy", host: "web"), "Password", "deploy@web"),
      (.password(user: "u", host: "jump"), "Password", "u@jump"),
      (
        .keyboardInteractive(user: "deploy", host: "web", prompt: "Code: \u{1B}[2J\u{202E}x\n y"),
        "Code: [2J x y", "deploy@web"
      ),
      (.passphrase(keyFile: "/k"), "Passphrase of the key /k", nil),
      (.pin("Enter PIN for k: "), "Enter PIN for k:", nil),
      (.other("Enter new password:"), "Enter new password:", nil),
    ] as [(AskpassPrompt, String, String?)])
  func `a secret that no record has is a person's, asked once`(
    _ prompt: AskpassPrompt, _ text: String, _ account: String?
  ) {
    var policy = policy()
    guard case .ask(let question, let refusal) = policy.decide(prompt, partialSuccesses: 0) else {
      Issue.record("not asked: \(prompt)")
      return
    }
    #expect(question.prompt == text && question.account == account)
    var nobody = self.policy(person: [.sees])
    #expect(nobody.decide(prompt, partialSuccesses: 0) == .refuse(refusal))
    guard case .refuse = policy.decide(prompt, partialSuccesses: 0) else {
      Issue.record("asked again: \(prompt)")
      return
    }
    guard case .ask = policy.decide(prompt, partialSuccesses: 1) else {
      Issue.record("not asked after a partial success: \(prompt)")
      return
    }
  }

  @Test func `the record comes first, and its mistake is nobody's to mend here`() {
    var policy = policy(password: Secret("x"))
    let prompt = AskpassPrompt.password(user: "deploy", host: "web")
    #expect(policy.decide(prompt, partialSuccesses: 0) == .answer(Secret("x")))
    #expect(
      policy.decide(prompt, partialSuccesses: 0) == .refuse(.passwordWrong(user: "deploy", host: "web")))
  }

  @Test func `a server cannot ask without end`() {
    var policy = policy()
    let asked = (0..<20).filter { number in
      let prompt = AskpassPrompt.keyboardInteractive(user: "deploy", host: "web", prompt: "Code \(number)")
      if case .ask = policy.decide(prompt, partialSuccesses: 0) { return true }
      return false
    }
    #expect(asked.count == 8)
  }

  @Test func `host keys are never a secret's question`() {
    let prompt = AskpassPrompt.hostKey(host: "web", type: "ED25519", fingerprint: "SHA256:a")
    var policy = policy()
    #expect(
      policy.decide(prompt, partialSuccesses: 0)
        == .refuse(.hostKeyUnknown(host: "web", type: "ED25519", fingerprint: "SHA256:a")))
  }

  @Test func `a wish to be touched is shown where somebody sees it`() {
    let text = "Confirm user presence for key ED25519-SK SHA256:a"
    var policy = policy()
    #expect(policy.decide(.notice(text), partialSuccesses: 0) == .show(text))
    #expect(
      policy.decide(.notice("Allow use of key?"), partialSuccesses: 0)
        == .refuse(.unanswerable(prompt: "Allow use of key?")))
    var blind = self.policy(person: [.entersSecrets])
    #expect(blind.decide(.notice(text), partialSuccesses: 0) == .refuse(.unanswerable(prompt: text)))
  }
}

@Suite struct HostilePromptTests {
  @Test(arguments: [
    "(me@jump) x@web) Password: ", "(me@jump) web) root@web's password: ",
    "(me@jump) \u{301}x@web's password: ",
    "(\u{301}me@jump) x@web's password: ", "(me@jump)x@web's password: ", "(me@jump\n) x@web's password: ",
  ])
  func `a jump host cannot speak as the host behind it`(text: String) {
    // Even to a policy that would tell any user of the host.
    var policy = AskpassPolicy(
      user: nil, hosts: ["web"], password: Secret("pw"), passphrase: Secret("pp"), acceptedFingerprint: nil)
    let decision = policy.decide(AskpassPrompt(text, hint: nil), partialSuccesses: 0)
    guard case .refuse = decision else {
      Issue.record("\(decision)")
      return
    }
  }

  @Test(
    .timeLimit(.minutes(5)),
    arguments: [
      "@", "@)", "'", "('s password: ", "The authenticity of host 'a", "Enter passphrase for key '",
    ])
  func `a question is read in time proportional to its length`(part: String) {
    // Once read by patterns that begin again at every place: half an hour for one of these.
    for start in ["", "(", "(u@h) ", "The authenticity of host ", "Enter passphrase for key '"] {
      let text = start + String(repeating: part, count: (256 << 10) / part.utf8.count)
      guard case .password = AskpassPrompt(text, hint: nil) else { continue }
      Issue.record("\(text.prefix(60)) is taken for a question about a password")
    }
  }
}
