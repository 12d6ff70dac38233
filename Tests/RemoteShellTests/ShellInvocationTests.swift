import Testing

@testable import RemoteShell

struct ShellInvocationTests {
  @Test(arguments: [
    "sh", "-bash", "/bin/zsh -l -i", "bash --login", "bash --rcfile f -i", "bash -O extglob", "ksh -o emacs",
    "bash +o posix -i", "sh -s a b", "sh -", "busybox sh", "dash -il", "bash --norc --noprofile",
  ])
  func `reads commands`(_ line: String) { #expect(invocation(line).readsCommands) }

  @Test(arguments: [
    "sh script", "bash -c true", "bash -lc true", "bash --norc script", "bash -x script arg", "sh -- script",
    "sh - f",
    "busybox sh script", "bash -o pipefail script", "bash -i script", "bash --login -c id", "sh script -s",
  ])
  func `runs something`(_ line: String) { #expect(!invocation(line).readsCommands) }

  private func invocation(_ line: String) -> ShellInvocation {
    ShellInvocation(arguments: line.split(separator: " ").map(String.init))
  }
}
