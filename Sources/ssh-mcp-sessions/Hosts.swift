import Administration
import ArgumentParser
import HostStore
import SSHTools

/// The stored hosts, from the command line: the same file and the same texts as the tools.
struct Hosts: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Add, change, remove, list and import stored hosts.",
    discussion:
      "Passwords are never arguments: set-password asks for them, or reads one line of standard input.",
    subcommands: [Add.self, Edit.self, Remove.self, List.self, SetPassword.self, Import.self])

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Store a host.")

    @Argument(help: "The name by which tools call it.") var id: String
    @Option(help: "Name, address or ssh_config alias.") var host: String
    @Option(help: "Remote user.") var user: String
    @Option(help: "Port.") var port = 22
    @Option(help: ArgumentHelp("Private key file.", valueName: "file")) var keyPath: String?
    @Option(help: ArgumentHelp("Its first output line is the password.", valueName: "command"))
    var passwordCommand: String?
    @Flag(help: "Forward the SSH agent.") var forwardAgent = false
    @OptionGroup var places: Places

    func run() throws {
      let host = StoredHost(
        id: id, host: host, port: port, username: user, keyPath: keyPath, passwordCommand: passwordCommand,
        forwardAgent: forwardAgent)
      try places.hostCommands().add(host).deliver()
    }
  }

  struct Edit: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change a stored host; an empty key path or password command clears it.")

    @Argument(help: "The host's name here.") var id: String
    @Option(help: "Name, address or ssh_config alias.") var host: String?
    @Option(help: "Remote user.") var user: String?
    @Option(help: "Port.") var port: Int?
    @Option(help: ArgumentHelp("Private key file.", valueName: "file")) var keyPath: String?
    @Option(help: ArgumentHelp("Its first output line is the password.", valueName: "command"))
    var passwordCommand: String?
    @Flag(inversion: .prefixedNo, help: "Forward the SSH agent.") var forwardAgent: Bool?
    @OptionGroup var places: Places

    func run() throws {
      var edit = HostEdit()
      edit.host = host
      edit.port = port
      edit.username = user
      edit.keyPath = keyPath
      edit.passwordCommand = passwordCommand
      edit.forwardAgent = forwardAgent
      try places.hostCommands().edit(id, edit).deliver()
    }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Forget a stored host.")

    @Argument(help: "The host's name here.") var id: String
    @OptionGroup var places: Places

    func run() throws { try places.hostCommands().remove(id).deliver() }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the stored hosts, without secrets.")

    @Flag(help: "Print one JSON object.") var json = false
    @OptionGroup var places: Places

    func run() throws { try places.hostCommands().list(asJSON: json).deliver() }
  }

  struct SetPassword: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Store a password, asked for twice without echo; an empty one clears it.",
      discussion: "Where standard input is not a terminal, its first line is the password.")

    @Argument(help: "The host's name here.") var id: String
    @OptionGroup var places: Places

    func run() throws {
      try places.hostCommands().setPassword(id) { () throws(PasswordFailure) in
        try PasswordReader.read(for: id)
      }.deliver()
    }
  }

  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Store hosts with what ssh_config says of their aliases.",
      discussion: "Tools take aliases as they are; a stored host can have a password or another key.")

    @Argument(help: "The aliases; all of ssh_config if none is given.") var alias: [String] = []
    @OptionGroup var places: Places

    func run() throws {
      let settings = try places.settings()
      let service = try settings.service("")
      let names = alias
      let outcome = try Errand.run { _, spawner in
        await AliasImport(
          store: HostStore(directory: settings.home),
          reader: ConfigurationReader(program: service.ssh, spawner: spawner),
          configurationFile: settings.sshConfig, userHome: settings.userHome
        ).run(names)
      }
      try outcome?.deliver()
    }
  }
}

extension Places {
  fileprivate func hostCommands() throws -> HostCommands {
    HostCommands(store: HostStore(directory: try settings().home))
  }
}
