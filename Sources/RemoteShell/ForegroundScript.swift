/// The questions that the side channel understands, in POSIX sh with builtins alone (no process is started for
/// a look, but for one `stty` where a raw terminal matters).
package enum ForegroundScript {
  /// Reads /proc as proc(5) describes it; where there is none, every question answers `none`.
  ///
  /// `mcp_look SHELL_PID TTY` prints `F TPGID PGRP` and then a line a process below the shell:
  /// `P PID PPID PGRP TPGID TTY_NR STATE SYSCALL READS COMM`, READS being `y` when the system call is a read
  /// of a terminal; and `T raw|cooked|unknown` at the end.
  package static let definitions = """
    mcp_stat() { l=; read -r l 2>/dev/null </proc/$1/stat; [ -n "$l" ] || return 1
    comm=${l#*\\(}; comm=${comm%)*}; l=${l##*\\) }; set -- $1 $l
    state=$2 ppid=$3 pgrp=$4 ttynr=$6 tpgid=$7; }
    mcp_reads() { nr=- arg=; read -r nr arg x 2>/dev/null </proc/$1/syscall; [ -n "$nr" ] || nr=-
    r=n; case $nr in 0|63|19|65) f=/proc/$1/fd/$((arg)); d=/dev/pts/$(( ((ttynr>>8&4095)-136)*256+(ttynr&255) ))
    { [ "$f" -ef "$tty" ] || [ "$f" -ef /dev/tty ] || [ "$f" -ef "$d" ]; } 2>/dev/null && r=y;; esac; }
    mcp_walk() { [ $count -lt 400 ] || return 0; count=$((count+1)); mcp_stat $1 || return 0
    mcp_reads $1; printf 'P %s %s %s %s %s %s %s %s %s\\n' $1 $ppid $pgrp $tpgid $ttynr $state $nr $r "$comm"
    kids=; read -r kids 2>/dev/null </proc/$1/task/$1/children; for kid in $kids; do mcp_walk $kid; done; }
    mcp_look() { tty=$2 count=0; [ -r /proc/self/stat ] || { echo none; return; }
    mcp_stat $1 || { echo gone; return; }; echo "F $tpgid $pgrp"; mcp_walk $1
    t=unknown; case $(stty -a 2>/dev/null <$tty) in *-icanon*) t=raw;; *icanon*) t=cooked;; esac; echo "T $t"; }
    mcp_members() { for d in /proc/[0-9]*; do mcp_stat ${d#/proc/} && [ "$pgrp" = "$1" ] && [ "$state" != Z ] &&
    printf 'M %s %s\\n' ${d#/proc/} "$comm"; done; }
    mcp_foreground() { if [ -r /proc/self/stat ]; then mcp_stat $1 && g=$tpgid
    else g=$(ps -o tpgid= -p $1 2>/dev/null); g=${g# }; fi; }
    mcp_signal() { g=; mcp_foreground $2; [ -n "$g" ] || { echo gone; return; }; echo "G $g"
    if [ "$g" = "$2" ]; then kids=; read -r kids 2>/dev/null </proc/$2/task/$2/children
    [ "$1" != INT ] || kill -s INT $2; for kid in $kids; do kill -s $1 $kid; done
    else kill -s $1 -- -$g; fi 2>&1; }
    """

  /// Asks what the foreground of the shell's terminal does.
  package static func look(_ shell: Marker.Hello) -> String {
    "mcp_look \(shell.processIdentifier) \(quoted(shell.terminal))"
  }

  /// Sends a signal to the foreground process group; to the shell's children where that is the shell itself.
  package static func signal(_ name: SignalName, _ shell: Marker.Hello) -> String {
    "mcp_signal \(name.rawValue) \(shell.processIdentifier)"
  }

  /// Asks which processes of a group there still are.
  package static func members(ofGroup group: Int) -> String { "mcp_members \(group)" }

  /// The terminal's path comes from the remote side: it is data here, never shell text.
  private static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
