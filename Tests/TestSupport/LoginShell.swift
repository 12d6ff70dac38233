import Foundation

/// A login shell that the loopback sshd can give to whoever logs in; also the alias in its ssh_config.
package enum LoginShell: String, CaseIterable, Sendable, CustomStringConvertible {
  case bash, zsh, dash, mksh, ksh93
  /// BusyBox' shell, through a link named `ash`.
  case ash
  case fish, tcsh

  package var description: String { rawValue }

  /// Where the program is on this machine, or `nil`; scripts/setup installs them all.
  package var program: String? {
    let names = self == .ash ? ["busybox"] : self == .ksh93 ? ["ksh93", "ksh"] : [rawValue]
    return names.lazy.compactMap(Self.find).first
  }

  /// The files that this shell reads at login, or as an interactive one, below the home directory.
  package var startupFiles: [String] {
    switch self {
    case .bash: [".profile", ".bashrc"]
    case .zsh: [".zprofile", ".zshrc"]
    case .fish: [".config/fish/config.fish"]
    case .tcsh: [".tcshrc"]
    case .mksh: [".profile", ".mkshrc"]
    case .ksh93: [".profile", ".kshrc"]
    case .dash, .ash: [".profile"]
    }
  }

  /// The absolute path of a program, looked for at the usual places.
  package static func find(_ name: String) -> String? {
    ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/usr/local/sbin", "/sbin", "/opt/homebrew/bin"]
      .map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
