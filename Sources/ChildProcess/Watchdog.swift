import Synchronization

/// A small shell that outlives the server only to end what the server started.
///
/// It reads the children's process ids from a pipe whose other end only the server holds. When that pipe
/// closes (the server was killed) it ends every process group it knows and removes the run-time directory.
/// `ssh -tt` needs it: it does not end when its standard input does (measured).
package final class Watchdog: Sendable {
  private let state = Mutex(State())

  private struct State {
    var process: ChildProcess?
    var children: Set<Int32> = []
    var directories: Set<String> = []
    var isStopped = false
  }

  /// Reads "+ PID", "- PID" and "d DIRECTORY"; signals are ignored since they are meant for the server.
  package static let script = """
    trap '' HUP INT TERM PIPE; pids=' '; dirs=
    while read -r word value; do case $word in
    +) pids="$pids$value ";;
    -) pids="${pids%% $value *} ${pids#* $value }";;
    d) dirs="$dirs$value
    ";;
    esac; done
    for pid in $pids; do kill -s TERM -- "-$pid" 2>/dev/null; done
    printf %s "$dirs" | while read -r dir; do rm -rf -- "$dir"; done
    for pid in $pids; do kill -s 0 -- "-$pid" 2>/dev/null && sleep 1 && break; done
    for pid in $pids; do kill -s KILL -- "-$pid" 2>/dev/null; done
    printf %s "$dirs" | while read -r dir; do rm -rf -- "$dir"; done
    """

  /// Starts the shell if it does not run; one that was killed is replaced and told everything again.
  func start(_ spawner: ProcessSpawner) throws(SpawnFailure) {
    let mustStart = state.withLock { !$0.isStopped && ($0.process?.termination != nil || $0.process == nil) }
    guard mustStart else { return }
    let launch = Launch(
      executable: "/bin/sh", arguments: ["-c", Self.script, "ssh-mcp-watchdog"],
      environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"])
    let process = try spawner.spawnUnguarded(launch) { _, _ in }
    let surplus = state.withLock { state -> ChildProcess? in
      guard !state.isStopped, state.process == nil || state.process?.termination != nil else {
        return process
      }
      state.process = process
      for child in state.children { process.write(Array("+ \(child)\n".utf8)) }
      for directory in state.directories { process.write(Array("d \(directory)\n".utf8)) }
      return nil
    }
    surplus?.closeInput()
  }

  /// From now on the child dies with the server, unless it has ended already.
  func protect(_ child: ChildProcess) {
    state.withLock { state in
      guard child.termination == nil else { return }
      state.children.insert(child.processIdentifier)
      state.process?.write(Array("+ \(child.processIdentifier)\n".utf8))
    }
  }

  /// The child has ended; its number may be another process's from now on.
  func forget(_ child: Int32) {
    state.withLock { state in
      guard state.children.remove(child) != nil else { return }
      state.process?.write(Array("- \(child)\n".utf8))
    }
  }

  func removeOnDeath(_ directory: String) {
    state.withLock { state in
      state.directories.insert(directory)
      state.process?.write(Array("d \(directory)\n".utf8))
    }
  }

  /// Lets the shell go; with no children left it ends without doing anything but removing the directories.
  func stop() {
    let process = state.withLock { state in
      state.isStopped = true
      return state.process.take()
    }
    process?.closeInput()
  }
}
