/// The shell text of the protocol: what is sent to a remote shell so that it marks where commands begin and end.
///
/// Pure functions of their arguments. `Decisions/0005-wire-protocol.md` says why each part is there; each was
/// needed by a shell that failed without it.
package enum ShellDriver {
  /// The longest line typed into the terminal, in bytes: MAX_CANON is 1,024 on macOS, 4,095 on Linux, and a
  /// longer line is silently cut there.
  package static let lineLimitBytes = 900

  /// What busybox ash prints when a background job ends while it reads; nobody's output.
  package static let endOfInputNotice = Array("\nUse \"exit\" to leave shell.\n".utf8)

  /// The size of the terminal that programs see.
  package static let rows = 40
  /// The width of the terminal that programs see.
  package static let columns = 200

  /// Makes the terminal cooked, without echo, with exact output.
  package static let terminalSettings =
    "\\command stty sane 38400 -echo -ixon -opost rows \(rows) cols \(columns) 2>/dev/null "
    + "|| \\command stty sane -echo -opost"

  /// What ssh runs: the user's own login shell, interactive.
  ///
  /// Its start-up files run on the terminal as the connection makes it: raw, without echo. The driver makes it cooked;
  /// doing so before too would cost another process in each session and be undone by start-up files all the same.
  ///
  /// It crosses that login shell (any: fish, csh) inside single quotes, so the texts have no single quote, no
  /// newline, no `!`, and no backslash before a backslash or a quote.
  package static let remoteCommand = "exec sh -c '\(launcher)' mcp '\(driver)' '\(fallbackShell)'"

  /// What ssh runs when rc files hang: no rc file at all, in bash or sh.
  package static let cleanRemoteCommand =
    "exec sh -c 'MCPB=$1; MCPS=$2; HISTFILE=/dev/null; export MCPB MCPS HISTFILE; \(terminalSettings); "
    + "eval \"$MCPS\"' mcp '\(driver)' '\(fallbackShell)'"

  /// The line that installs the driver; typed at once, the terminal keeps it until the shell reads.
  package static func bootLine(_ nonce: Nonce) -> [UInt8] {
    // Typed again when a login is slow: once the driver has unset MCPB, a surplus line does nothing.
    Array(" \\eval \"${MCPB+MCPN=\(nonce.text);}${MCPB-}\"\n".utf8)
  }

  /// The line for a login that ended in a shell without POSIX syntax: throw away what was typed, become one.
  package static let becomeFallbackShell = Array("\u{15} exec sh -c \"$MCPS\"\n".utf8)

  /// The line that installs the driver in a shell that was started inside the session.
  package static func adoptionLines(_ nonce: Nonce) -> [UInt8] {
    Array(" MCPD=".utf8) + quoted(Array(driver.utf8), for: .posix, headBytes: 8)
      + Array(";MCPN=\(nonce.text);\\eval \"$MCPD\"\n".utf8)
  }

  /// The lines that run a command.
  ///
  /// - Parameters:
  ///   - command: Any bytes but NUL.
  ///   - sequence: Told back by the markers of this command.
  ///   - status: What `$?` shall be at its beginning: the previous command's status.
  ///   - dialect: The shell's.
  /// - Returns: Bytes to type; the last is a line feed.
  package static func frame(_ command: [UInt8], sequence: Int, status: Int, dialect: Dialect) -> [UInt8] {
    let eval = dialect == .bash || dialect == .zsh ? "\\builtin eval" : "\\eval"
    // Traces (set -x) go nowhere. bash closes a stream in a third of the time that it takes to open /dev/null.
    let quiet = dialect == .bash ? "2>&-" : "2>/dev/null"
    let head = " :;{ __mcp_n=\(sequence);__mcp_b \(status)&&:;} \(quiet);\(eval) "
    return Array(head.utf8) + quoted(command + [0x0A], for: dialect, headBytes: head.utf8.count)
      + Array(";{ __mcp_e;} \(quiet);\(dialect == .bash ? "__mcp_l" : "__mcp_f")\n".utf8)
  }

  /// The bytes as one single-quoted word on lines of at most `lineLimitBytes`.
  ///
  /// Control bytes other than TAB and LF would be eaten or acted upon by the terminal: they are written as
  /// octal escapes.
  package static func quoted(_ bytes: [UInt8], for dialect: Dialect, headBytes: Int) -> [UInt8] {
    let quote = UInt8(ascii: "'")
    var text: [UInt8] = [quote]
    var lineBytes = headBytes + 64
    text.reserveCapacity(bytes.count + bytes.count / 64 + 16)
    for byte in bytes {
      if byte == 0x0A {
        text.append(byte)
        lineBytes = 0
        continue
      }
      let piece = Self.piece(for: byte, dialect)
      let count = piece?.count ?? 1
      if lineBytes + count > lineLimitBytes - 4 {
        text += [quote, UInt8(ascii: "\\"), 0x0A, quote]
        lineBytes = 1
      }
      if let piece { text += piece } else { text.append(byte) }
      lineBytes += count
    }
    text.append(quote)
    return text
  }

  /// How a byte is written that cannot stand for itself; nil if it can.
  private static func piece(for byte: UInt8, _ dialect: Dialect) -> [UInt8]? {
    switch byte {
    case UInt8(ascii: "'"): return Array("'\\''".utf8)
    case 0x09, 0x20...0x7E, 0x80...0xFF: return nil
    default:
      let octal = String(byte, radix: 8)
      let digits = String(repeating: "0", count: 3 - octal.count) + octal
      return Array((dialect.hasDollarQuotes ? "'$'\\\(digits)''" : "'\"$(printf '\\\(digits)')\"'").utf8)
    }
  }

  /// What the launcher prints before the start-up files are read; terminals show nothing of it.
  ///
  /// Octal in the text, so that whoever prints the text prints no mark.
  package static let launchMark = Array("\u{1B}]7717;L\u{07}".utf8)

  // MARK: - The texts

  /// Becomes the login shell; in shells without POSIX syntax, bash or sh inside it.
  private static let launcher =
    "printf \"\\033]7717;L\\007\"; MCPB=$1; MCPS=$2; HISTFILE=/dev/null; export MCPB MCPS HISTFILE; "
    + "case ${SHELL##*/} in "
    + "bash|sh|dash|ash|ksh|ksh93|mksh|lksh|oksh|yash) exec \"$SHELL\" -l -i;; "
    + "zsh) exec \"$SHELL\" +Z -l -i;; "
    + "csh|tcsh) exec \"$SHELL\" -c \"exec sh -c \\$MCPS:q\";; "
    + "*) exec \"$SHELL\" -l -c \"exec sh -c \\\"\\$MCPS\\\"\";; esac"

  private static let fallbackShell =
    "command -v bash >/dev/null && exec bash --norc --noprofile -i; exec sh -i"

  /// Defines the marker functions and takes the prompt, line editing and history out of the way.
  private static let driver =
    // The marker's two halves stand in two variables, so that no dump of variables contains a marker.
    // Nothing of ours is exported (set -a): a shell inside would show this one's markers.
    "case $- in *a*) set +a; __mcp_x=a;; *) __mcp_x=;; esac; "
    + "__mcp_a=\"\u{1B}]7717;\"; __mcp_k=${MCPN-}; __mcp_n=0; __mcp_s=sh; __mcp_v=p; "
    + "unset MCPN MCPB MCPS MCPD; \(terminalSettings); "
    + "PAGER=cat; GIT_PAGER=cat; MANPAGER=cat; SYSTEMD_PAGER=cat; "
    + "export PAGER GIT_PAGER MANPAGER SYSTEMD_PAGER; "
    + "if [ -n \"${BASH_VERSION-}\" ]; then __mcp_s=bash; elif [ -n \"${ZSH_VERSION-}\" ]; then __mcp_s=zsh; "
    + "elif [ -n \"${KSH_VERSION-}\" ]; then __mcp_s=ksh; fi; "
    // Marker output: to the terminal whatever the redirections, by a builtin whatever the functions.
    + "case $__mcp_s in "
    + "ksh) __mcp_o(){ \\command print -rn -- \"$__mcp_a$__mcp_k;$1;$__mcp_k\u{07}\" >/dev/tty; };; "
    + "bash|zsh) __mcp_o(){ \\builtin printf \"%s%s;%s;%s\u{07}\" \"$__mcp_a\" \"$__mcp_k\" \"$1\" "
    // `enable -n printf` takes the builtin away; the program of that name is still there. A restricted shell (set -r)
    // redirects nothing.
    + "\"$__mcp_k\" >/dev/tty || \\command printf \"%s%s;%s;%s\u{07}\" \"$__mcp_a\" \"$__mcp_k\" \"$1\" "
    + "\"$__mcp_k\" >/dev/tty || \\builtin printf \"%s%s;%s;%s\u{07}\" \"$__mcp_a\" \"$__mcp_k\" \"$1\" \"$__mcp_k\"; };; "
    + "*) __mcp_o(){ \\command printf \"%s%s;%s;%s\u{07}\" \"$__mcp_a\" \"$__mcp_k\" \"$1\" "
    + "\"$__mcp_k\" >/dev/tty; };; esac; "
    // The repairs after each command see to it that a command begins with the terminal as its output; a command that
    // the shell gave up was followed by none.
    + "case $__mcp_s in ksh) __mcp_b(){ if [ -t 1 ]; then \\command print -rn -- "
    + "\"$__mcp_a$__mcp_k;B;$__mcp_n;$__mcp_k\u{07}\"; else __mcp_o \"B;$__mcp_n\"; fi; return \"$1\"; };; "
    + "bash|zsh) __mcp_b(){ \\builtin printf \"%s%s;B;%s;%s\u{07}\" \"$__mcp_a\" \"$__mcp_k\" \"$__mcp_n\" "
    + "\"$__mcp_k\" || __mcp_o \"B;$__mcp_n\"; return \"$1\"; };; "
    + "*) __mcp_b(){ if [ -t 1 ]; then \\command printf \"%s%s;B;%s;%s\u{07}\" \"$__mcp_a\" \"$__mcp_k\" "
    + "\"$__mcp_n\" \"$__mcp_k\"; else __mcp_o \"B;$__mcp_n\"; fi; return \"$1\"; };; esac; "
    + "__mcp_p(){ __mcp_r=$?; [ \"${__mcp_d-}\" = \"$__mcp_n\" ] || __mcp_o \"P;$__mcp_n;$__mcp_r\"; }; "
    // A function named builtin or command takes the marker's printf away: it lives as long as its own command.
    + "__mcp_e(){ __mcp_r=$?; "
    + "case $__mcp_s in bash|zsh) \\unset -f builtin;; *) \\unset -f command;; esac || :; "
    + "__mcp_o \"E;$__mcp_n;$__mcp_r;$-;${PWD-}\" && __mcp_d=$__mcp_n; return 0; }; "
    // After each command: what it may have done to the shell's streams, options and prompt is undone.
    + "__mcp_f(){ [ -t 0 ] || exec 0</dev/tty; [ -t 1 ] || exec 1>/dev/tty; [ -t 2 ] || exec 2>/dev/tty; "
    + "set +n; case $__mcp_s in bash) set +o emacs +o vi; "
    + "[ $__mcp_v = n ] || [ \"${PROMPT_COMMAND-}\" = __mcp_p ] || { unset PROMPT_COMMAND; "
    + "PROMPT_COMMAND=__mcp_p; };; "
    + "zsh) unsetopt zle; setopt prompt_subst;; ksh) set +o emacs; set +o vi; set +o gmacs;; esac; "
    + "[ \"${PS2-}\" = \"\" ] || PS2=; [ \"${PS1-}\" = \"$__mcp_q\" ] || PS1=$__mcp_q; return 0; }; "
    // bash copies a function each time that it runs it: a short one looks first whether there is anything to undo. Its
    // syntax is not every shell's. Line editing is switched off again each time: bash takes it up after ^C (measured).
    + "case $__mcp_s in bash) \\eval \"__mcp_l(){ set +o emacs +o vi; [[ -t 0 && -t 1 && -t 2 && "
    + "\\${PROMPT_COMMAND-} = __mcp_p && \\${PS1-} = \\$__mcp_q && -z \\${PS2-} ]] || __mcp_f; }\";; esac; "
    + "__mcp_q=\"\\${__mcp_a}\\${__mcp_k};P;\\${__mcp_n};\\$?;\\${__mcp_k}\u{07}\"; "
    // A loop's variable tells what is read-only without ending the line, and without a subshell.
    + "case $__mcp_s in bash) set +o history; set +H; trap - DEBUG; __mcp_v=n; __mcp_q=${PS1-}; "
    + "for PROMPT_COMMAND in 1; do unset PROMPT_COMMAND; __mcp_v=a; done 2>/dev/null; "
    + "for PS1 in \"\"; do __mcp_q=; done 2>/dev/null; for PS0 in \"\"; do :; done 2>/dev/null;; "
    + "zsh) unsetopt bang_hist correct correct_all prompt_cr prompt_sp share_history zle 2>/dev/null; "
    + "precmd_functions=; preexec_functions=; unset -f precmd preexec 2>/dev/null;; "
    // busybox ash takes the end of a background job for the end of its input (measured, 1.35).
    + "sh) set -o ignoreeof 2>/dev/null;; esac; "
    + "unset HISTFILE MAIL MAILPATH MAILCHECK; __mcp_f; "
    // SSH_TTY may be an outer terminal's (sudo, tmux): it counts only if it is what the shell reads.
    + "__mcp_t=${SSH_TTY:-/}; [ \"$__mcp_t\" -ef /dev/stdin ] 2>/dev/null || __mcp_t=$(tty); "
    // bash and zsh know their user themselves; a variable could be anybody's.
    + "__mcp_u=; case $__mcp_s in bash) case $BASH_VERSION in [0-3].*|4.[0-3].*) ;; "
    + "*) __mcp_u=\"\\u\"; \\eval \"__mcp_u=\\${__mcp_u@P}\";; esac;; "
    + "zsh) \\eval \"__mcp_u=\\${(%):-%n}\";; esac; "
    + "case $__mcp_u in \"\"|*\" \"*) __mcp_u=$(id -un);; esac; "
    + "__mcp_o \"H;$__mcp_s;$$;$__mcp_v;$__mcp_t;$__mcp_u;${PWD-}\"; unset __mcp_t __mcp_u; "
    + "[ -z \"$__mcp_x\" ] || set -a"
}
