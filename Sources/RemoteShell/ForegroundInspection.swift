/// What the side channel saw of the processes below a shell, and what follows from it.
package struct ForegroundInspection: Sendable, Hashable {
  /// One process (proc(5), /proc/pid/stat and /proc/pid/syscall).
  package struct Process: Sendable, Hashable {
    let pid, parent, group, foregroundGroup, terminal: Int
    let state: String
    /// The number of the system call in which it is blocked; nil where that may not be read.
    let systemCall: Int?
    /// Whether that call is a read of a terminal.
    let readsTerminal: Bool
    /// When it was started, in clock ticks: tells it from a later process of the same number.
    let start: Int
    let name: String
  }

  /// The foreground process group of the terminal.
  package let foregroundGroup: Int
  /// The shell's own process group.
  package let shellGroup: Int
  /// The shell and everything below it, parents before children.
  package let processes: [Process]
  /// Whether the terminal's line editing is switched off; nil if unknown.
  package let isRaw: Bool?
  /// The last arguments of the programs that pass the terminal on, by process: a shell's name, perhaps.
  let lastArguments: [Int: String]
  /// How the shells that may be reading were started, by process.
  let invocations: [Int: ShellInvocation]
  /// Where the stacks of shells begin, by process; a fork has its parent's until it executes another program.
  let stacks: [Int: Int]
  /// The remote machine's time, in clock ticks since its start; nil if it tells none.
  let uptime: Int?

  /// Reads an answer to `ForegroundScript.look`; nil where the remote system tells nothing.
  package init?(answer: String) {
    var group: (foreground: Int, shell: Int)?
    var processes: [Process] = []
    var isRaw: Bool?
    var lastArguments: [Int: String] = [:]
    var arguments: [Int: [String]] = [:]
    var stacks: [Int: Int] = [:]
    var uptime: Int?
    for line in answer.split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 10, omittingEmptySubsequences: false)
      switch fields.first {
      case "F" where fields.count == 3:
        guard let foreground = Int(fields[1]), let shell = Int(fields[2]) else { return nil }
        group = (foreground, shell)
      case "P" where fields.count == 11:
        guard let process = Process(fields) else { continue }
        processes.append(process)
      case "A" where fields.count == 3:
        if let pid = Int(fields[1]) { lastArguments[pid] = String(fields[2]) }
      case "S" where fields.count == 3:
        if let pid = Int(fields[1]), let stack = Int(fields[2]), stack > 0 { stacks[pid] = stack }
      case "V" where fields.count >= 3:
        if let pid = Int(fields[1]) {
          arguments[pid, default: []].append(fields[2...].joined(separator: " "))
        }
      case "U" where fields.count == 2: uptime = Double(fields[1]).map { Int($0 * 100) }
      case "T": isRaw = fields.last == "raw" ? true : fields.last == "cooked" ? false : nil
      default: break
      }
    }
    guard let group, !processes.isEmpty else { return nil }
    foregroundGroup = group.foreground
    shellGroup = group.shell
    self.processes = processes
    self.isRaw = isRaw
    self.lastArguments = lastArguments
    self.invocations = arguments.mapValues { ShellInvocation(arguments: $0) }
    self.stacks = stacks
    self.uptime = uptime
  }

  /// What the foreground does.
  ///
  /// - Parameters:
  ///   - tail: The end of the command's output: a prompt decides where the processes may not be looked at.
  ///   - isAlternateScreen: Whether the program has switched to the terminal's other screen.
  /// - Returns: Busy unless there is a sign that the terminal is being read: a false claim would be a lie, a
  ///   missing one only costs time.
  package func state(tail: String, isAlternateScreen: Bool) -> ForegroundState {
    let shell = processes[0]
    let foreground = processes.filter { $0.isInForeground }
    guard !foreground.isEmpty else { return .busy }
    if foreground.allSatisfy({ $0.state == "T" }), foreground.contains(where: { $0.pid != shell.pid }) {
      return .stopped
    }
    let hasPrompt = Self.looksLikePrompt(tail)
    for process in foreground.reversed() where process.state == "S" || process.state == "I" {
      if waits(process, shell: shell, hasPrompt: hasPrompt) {
        return .readsTerminal(
          ForegroundProgram(
            name: process.name, processIdentifier: process.pid,
            isFullScreen: isAlternateScreen || Self.fullScreenPrograms.contains(process.name),
            isShell: process.pid != shell.pid && leadsToShell(process)))
      }
    }
    return .busy
  }

  /// Whether what reads is a shell that reads commands, or leads to one (`docker exec -it web bash`).
  ///
  /// The driver is typed into what is entered: a script that asks something would take it for the answer. So in doubt
  /// it is a program that asks.
  private func leadsToShell(_ process: Process) -> Bool {
    if let argument = lastArguments[process.pid]?.split(separator: "/").last,
      Self.isPOSIXShell(String(argument))
    {
      return true
    }
    guard Self.isPOSIXShell(process.name), let invocation = invocations[process.pid],
      invocation.readsCommands,
      !isFork(process)
    else { return false }
    // With line editing it reads a raw terminal; on a cooked one its start-up files ask, or a command of it.
    let editsLines =
      Self.editingShells.contains(Self.withoutLoginDash(process.name)) && !invocation.isWithoutEditing
    return !editsLines || isRaw != false
  }

  /// Whether a process is a copy of its parent that has executed no program of its own: a subshell.
  private func isFork(_ process: Process) -> Bool {
    guard let parent = processes.first(where: { $0.pid == process.parent }) else { return false }
    if let stack = stacks[process.pid], let other = stacks[parent.pid] { return stack == other }
    return parent.name == process.name && invocations[parent.pid] == invocations[process.pid]
  }

  private static func isPOSIXShell(_ name: String) -> Bool {
    isShell(name) && !foreignShells.contains(withoutLoginDash(name))
  }

  private static let editingShells: Set<String> = ["bash", "zsh"]

  private func waits(_ process: Process, shell: Process, hasPrompt: Bool) -> Bool {
    if process.readsTerminal { return true }
    let hasChildren = processes.contains { $0.parent == process.pid && $0.state != "Z" }
    guard let call = process.systemCall else {
      // Another user's process (sudo, su): its calls may not be read. A shell without children that sleeps
      // reads; of anything else only its prompt tells.
      return !hasChildren && (Self.isShell(process.name) || hasPrompt)
    }
    guard Self.pollingCalls.contains(call), !hasChildren else { return false }
    // busybox reads a line by polling in its own process; ksh93 sleeps like that.
    if process.pid == shell.pid { return !process.name.contains("ksh") }
    guard isRaw == true else { return false }
    return Self.relays.contains(process.name) ? hasPrompt : true
  }

  /// A line that ends without a line feed and like a question: what a person would take for a prompt.
  package static func looksLikePrompt(_ tail: String) -> Bool {
    let line = tail.split(separator: "\n", omittingEmptySubsequences: false).last ?? ""
    guard let last = line.last(where: { $0 != " " }), line.count < 400 else { return false }
    return ":?>#$%]".contains(last)
  }

  /// Whether a process of that name is a shell; login shells have a dash in front.
  package static func isShell(_ name: String) -> Bool {
    shells.contains(withoutLoginDash(name))
  }

  private static func withoutLoginDash(_ name: String) -> String {
    name.hasPrefix("-") ? String(name.dropFirst()) : name
  }

  private static let shells: Set<String> = [
    "sh", "bash", "dash", "zsh", "ksh", "ksh93", "mksh", "lksh", "oksh", "ash", "busybox", "yash", "fish",
    "csh",
    "tcsh",
  ]

  /// Shells that do not understand POSIX syntax: they are answered like any program that asks.
  private static let foreignShells: Set<String> = ["fish", "csh", "tcsh"]

  /// Programs that pass a terminal on to something that cannot be seen from here.
  private static let relays: Set<String> = [
    "ssh", "docker", "podman", "kubectl", "lxc", "lxc-attach", "nerdctl", "machinectl", "mosh-client",
    "telnet", "incus",
    "sudo", "su", "script", "tmux", "tmux: client", "screen", "runuser", "doas", "nsenter", "unshare",
  ]

  private static let fullScreenPrograms: Set<String> = [
    "vim", "vi", "vim.tiny", "vim.basic", "nvim", "nano", "emacs", "less", "more", "most", "man", "top",
    "htop",
    "btop", "mc", "watch", "tmux: client", "screen", "dialog", "whiptail",
  ]

  /// poll, select, pselect6, ppoll, epoll_wait, epoll_pwait on x86-64 and arm64 (the numbers do not collide in
  /// a way that matters: what the other machine calls by them does not block).
  private static let pollingCalls: Set<Int> = [7, 23, 270, 271, 232, 281, 441, 72, 73, 22]
}

extension ForegroundInspection.Process {
  fileprivate init?(_ fields: [Substring]) {
    let numbers = fields[1...5].compactMap { Int($0) }
    guard numbers.count == 5 else { return nil }
    pid = numbers[0]
    parent = numbers[1]
    group = numbers[2]
    foregroundGroup = numbers[3]
    terminal = numbers[4]
    // It was asleep when its state was read, and ran a moment later: it does not wait (proc(5), syscall).
    state = fields[7] == "running" ? "R" : String(fields[6])
    systemCall = Int(fields[7])
    readsTerminal = fields[8] == "y"
    start = Int(fields[9]) ?? 0
    name = String(fields[10])
  }

  /// In the foreground of its own terminal: sudo gives its command a terminal of its own (use_pty).
  var isInForeground: Bool { terminal != 0 && group == foregroundGroup }
}
