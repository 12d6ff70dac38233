/// The questions that the side channel understands, in POSIX sh with builtins alone (no process is started for
/// a look, but for one `stty` where a raw terminal matters).
enum ForegroundScript {
  /// Reads /proc as proc(5) describes it; where there is none, ps(1) tells the little that it can.
  ///
  /// A shell is named by `ROOT PID TTY`: the login shell, the shell that is meant, its terminal. A shell of
  /// another machine or container answers `foreign`: its number here would be somebody else's.
  /// - `mcp_look` prints `F TPGID PGRP` and `U SECONDS` since the machine's start, then a line a process below the
  ///   shell, `P PID PPID PGRP TPGID TTY_NR STATE SYSCALL READS START COMM` (READS is `y` when the system call is a read
  ///   of a terminal, START the time of its start in clock ticks), `A PID WORD` with the last argument of a
  ///   program that passes the terminal on, `S PID ADDRESS` with the beginning of a shell's stack and a line
  ///   `V PID WORD` for each argument of one that may be reading, and at the end `T raw|cooked|unknown`; or `gone`;
  ///   without /proc `G TPGID` alone.
  /// - `mcp_signal NAME ROOT PID TTY` signals the foreground process group. Where that is the shell's own, what it
  ///   started in the background must not be hit: only what is in its group. With a fifth word, to stop a command, the
  ///   shell is interrupted before, so that it begins nothing else of its line, and instead of its group those of
  ///   `PID:START ...` in the sixth are signalled. Prints `G TPGID` and `N` with how many got it.
  /// - `mcp_left GROUP "PID:START ..."` prints `M PID COMM` for what there still is of them, and `end`.
  static let definitions = """
    mcp_stat() { l=; read -r l 2>/dev/null </proc/$1/stat; [ -n "$l" ] || return 1
    comm=${l#*\\(}; comm=${comm%)*}; l=${l##*\\) }; set -- $1 $l
    state=$2 ppid=$3 pgrp=$4 ttynr=$6 tpgid=$7 start=${21} stack=${27}; dev=/dev/pts/$(( ((ttynr>>8&4095)-136)*256+(ttynr&255) )); }
    mcp_own() { [ "$2" = "$1" ] && return 0; mcp_stat $2 || return 1
    case $3 in /dev/pts/*) [ "$3" = $dev ] || return 1;; esac
    hops=0; while [ $ppid -gt 1 ] && [ $hops -lt 64 ]; do [ $ppid = "$1" ] && return 0; hops=$((hops+1))
    mcp_stat $ppid || return 1; done; return 1; }
    mcp_reads() { nr=- arg=; read -r nr arg x 2>/dev/null </proc/$1/syscall; [ -n "$nr" ] || nr=-
    r=n; case $nr in 0|63|19|65) f=/proc/$1/fd/$((arg))
    { [ "$f" -ef "$tty" ] || [ "$f" -ef /dev/tty ] || [ "$f" -ef $dev ]; } 2>/dev/null && r=y;; esac; }
    mcp_words() { tr '\\n\\0' ' \\n' </proc/$1/cmdline 2>/dev/null | { n=0; while [ $n -lt 16 ] && IFS= read -r word; do
    printf 'V %s %.80s\\n' $1 "$word"; n=$((n+1)); done; }; }
    mcp_walk() { [ $count -lt 400 ] || return 0; count=$((count+1)); mcp_stat $1 || return 0
    mcp_reads $1; printf 'P %s %s %s %s %s %s %s %s %s %s\\n' $1 $ppid $pgrp $tpgid $ttynr $state $nr $r $start "$comm"
    case $comm in docker|podman|kubectl|nerdctl|lxc|lxc-attach|machinectl|incus)
    printf 'A %s %s\\n' $1 "$(tr '\\0' '\\n' </proc/$1/cmdline 2>/dev/null | tail -n 1)";;
    *sh|*ksh93|busybox) echo "S $1 $stack"; case $r$nr in y*|n-|n7|n23|n270|n271|n232|n281|n441|n72|n73|n22) mcp_words $1;; esac;; esac
    kids=; read -r kids 2>/dev/null </proc/$1/task/$1/children; for kid in $kids; do mcp_walk $kid; done; }
    mcp_look() { tty=$3 count=0; [ -r /proc/self/stat ] || { mcp_foreground $2; echo "G $g"; return; }
    mcp_own "$@" || { echo foreign; return; }
    mcp_stat $2 || { echo gone; return; }; echo "F $tpgid $pgrp"
    up=; read -r up x 2>/dev/null </proc/uptime; echo "U $up"; mcp_walk $2
    t=unknown; case $(stty -a 2>/dev/null <$tty) in *-icanon*) t=raw;; *icanon*) t=cooked;; esac; echo "T $t"; }
    mcp_left() { [ -r /proc/self/stat ] || { ps -A -o pid= -o pgid= -o stat= -o comm= | while read -r p g s c; do
    case $s in Z*) ;; *) [ "$g" != "$1" ] || echo "M $p $c";; esac; done; echo end; return; }
    for d in /proc/[0-9]*; do p=${d#/proc/}; mcp_stat $p || continue; case $state in Z|X) continue;; esac
    case " $2 " in *" $p:$start "*) ;; *) [ $pgrp = "$1" ] || continue;; esac; printf 'M %s %s\\n' $p "$comm"; done; echo end; }
    mcp_foreground() { g=; if [ -r /proc/self/stat ]; then mcp_stat $1 && g=$tpgid
    else g=$(ps -o tpgid= -p $1 2>/dev/null); g=${g# }; fi; }
    mcp_signal() { name=$1; shift; [ ! -r /proc/self/stat ] || mcp_own "$@" || { echo foreign; return; }
    mcp_foreground $2; [ "${g:-0}" -gt 1 ] || { echo gone; return; }; echo "G $g"; got=0
    if [ -n "$4" ]; then kill -s INT $2; mcp_stat $2; case $state in T) kill -s CONT $2;; esac; fi 2>&1
    if [ "$g" != "$2" ]; then kill -s $name -- -$g && got=1
    elif [ -n "$4" ]; then for kid in $5; do mcp_stat ${kid%:*} && [ $start = ${kid#*:} ] && mcp_hit ${kid%:*}; done
    else case $name in INT|CONT) mcp_hit $2;; esac; kids=; read -r kids 2>/dev/null </proc/$2/task/$2/children
    for kid in $kids; do mcp_stat $kid && [ $pgrp = $g ] && mcp_hit $kid; done; fi 2>&1; echo "N $got"; }
    mcp_hit() { kill -s $name $1 && got=$((got+1)); }
    """

  /// Asks what the foreground of a shell's terminal does.
  static func look(_ shell: Marker.Hello, root: Marker.Hello) -> String { "mcp_look \(name(shell, root))" }

  /// Sends a signal to the foreground process group; to what is in the shell's own group where that is the shell.
  static func signal(_ signal: SignalName, _ shell: Marker.Hello, root: Marker.Hello) -> String {
    "mcp_signal \(signal.rawValue) \(name(shell, root))"
  }

  /// Stops the command that runs: the shell is interrupted, and the signal sent to the foreground and, where that is
  /// the shell by now, to what is left of who is to be stopped.
  static func stop(
    _ signal: SignalName, _ target: StopTarget?, _ shell: Marker.Hello, root: Marker.Hello
  ) -> String {
    // ^C is for the foreground; what is not ended by it may be a shell that waits for what it started itself (zsh).
    let processes = target.map { signal == .interrupt ? $0.processes : $0.processes + $0.beside } ?? []
    return "\(self.signal(signal, shell, root: root)) stop '\(list(processes))'"
  }

  /// Asks what there still is of a command, or of what it started beside.
  static func left(of processes: [StopTarget.Process], group: Int?) -> String {
    "mcp_left \(group.map { String($0) } ?? "-") '\(list(processes))'"
  }

  private static func list(_ processes: [StopTarget.Process]) -> String {
    processes.map { "\($0.identifier):\($0.start)" }.joined(separator: " ")
  }

  /// Signals processes by their numbers.
  static func signal(_ signal: SignalName, processes: [Int]) -> String {
    "kill -s \(signal.rawValue) \(processes.map { String($0) }.joined(separator: " ")) 2>&1"
  }

  private static func name(_ shell: Marker.Hello, _ root: Marker.Hello) -> String {
    "\(root.processIdentifier) \(shell.processIdentifier) \(quoted(shell.terminal))"
  }

  /// The terminal's path comes from the remote side: it is data here, never shell text.
  private static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
