import Foundation

/// The files of a loopback sshd: its configuration, its users' homes and what ssh needs to reach it.
struct SSHDFiles {
  let options: LoopbackSSHD.Options
  let directory: TemporaryDirectory
  let ports: [LoginShell: Int]
  let user: String

  func write() throws {
    for shell in options.shells { try writeLogin(shell) }
    try directory.write("sshd_config", sshdConfiguration)
    try directory.write("ssh_config", sshConfiguration)
    let key = (directory.read("host_key.pub") ?? "").split(separator: " ").prefix(2).joined(separator: " ")
    let hosts = ports.values.map { "[127.0.0.1]:\($0) \(key)\n" }
    try directory.write("known_hosts", hosts.joined())
  }

  private var sshdConfiguration: String {
    var lines =
      options.configuration + [
        "ListenAddress 127.0.0.1",
        "HostKey \(directory.path)/host_key",
        "PidFile none",
        "AuthorizedKeysFile \(directory.path)/authorized_keys",
        // A directory below /tmp is writable for others, which StrictModes forbids; PAM needs root.
        "StrictModes no",
        "UsePAM no",
        "PermitRootLogin prohibit-password",
        "PasswordAuthentication \(options.acceptsPasswords ? "yes" : "no")",
        "KbdInteractiveAuthentication no",
        "PrintMotd no",
        "PrintLastLog no",
        "LogLevel VERBOSE",
        "MaxStartups 100",
        // The default of OpenSSH 9.2 takes 200 ms more of a processor for each login (measured).
        "KexAlgorithms curve25519-sha256",
      ]
    lines += options.shells.compactMap { ports[$0] }.map { "Port \($0)" }
    for shell in options.shells {
      guard let port = ports[shell] else { continue }
      // By sh: a program that another thread's child still holds open for writing cannot be started (ETXTBSY).
      let command = options.forcedCommand ?? "exec /bin/sh \(directory.path)/login-\(shell)"
      lines += ["Match LocalPort \(port) User \(user)", "  ForceCommand \(command)"]
      // A bash that sshd starts may read ~/.bashrc for every command: not the one of whoever runs the tests.
      lines += ["  SetEnv HOME=\(directory.path)"]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private var sshConfiguration: String {
    var lines: [String] = []
    for shell in options.shells {
      guard let port = ports[shell] else { continue }
      lines += ["Host \(shell)", "  HostName 127.0.0.1", "  Port \(port)", "  User \(user)"]
      lines += ["  IdentityFile \(directory.path)/user_key", "  IdentitiesOnly yes"]
    }
    lines += [
      "Host *", "  UserKnownHostsFile \(directory.path)/known_hosts", "  GlobalKnownHostsFile /dev/null",
      // Whoever runs the tests may have keys of their own; they are not offered here.
      "  IdentityFile none",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  /// What sshd does at a login, with another shell and home: `$SHELL -c COMMAND` or a login shell.
  private func writeLogin(_ shell: LoginShell) throws {
    guard let program = shell.program else {
      throw FixtureFailure("\(shell) is missing: run scripts/setup")
    }
    let home = try directory.makeDirectory("home-\(shell)")
    var path = program
    if shell == .ash {
      path = try directory.makeDirectory("bin") + "/ash"
      if !FileManager.default.fileExists(atPath: path) {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: program)
      }
    }
    try directory.write(
      "login-\(shell)",
      """
      #!/bin/sh
      HOME=\(home) SHELL=\(path)
      export HOME SHELL
      unset XDG_CONFIG_HOME XDG_DATA_HOME ZDOTDIR ENV BASH_ENV
      cd "$HOME" || exit 1
      [ -z "$SSH_ORIGINAL_COMMAND" ] && exec "$SHELL" -l
      exec "$SHELL" -c "$SSH_ORIGINAL_COMMAND"

      """, mode: 0o700)
    guard options.hasNoisyStartup else { return }
    for (number, file) in shell.startupFiles.enumerated() {
      try directory.write("home-\(shell)/\(file)", noise(for: shell, number))
    }
  }

  private func noise(for shell: LoginShell, _ number: Int) -> String {
    switch shell {
    case .fish: "echo NOISE; set -gx FROM_RC yes; function fish_prompt; echo 'noisy> '; end\n"
    case .tcsh: "echo NOISE; setenv FROM_RC yes; set prompt = 'noisy> '\n"
    default:
      """
      echo NOISE \(number)
      export FROM_RC=yes
      PS1='noisy> '
      alias ls='ls -l'
      greet_from_rc() { echo "hello from rc"; }

      """
    }
  }
}
