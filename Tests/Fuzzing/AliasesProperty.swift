import OpenSSH

/// A user's ssh_config, of which the names are listed.
enum AliasesProperty {
  static func violation(_ bytes: [UInt8]) -> String? {
    ScratchDirectory.with { directory in
      // Only files of ours may be included.
      let text = bytes.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0 }
      directory.write(".ssh/config", text)
      directory.write(".ssh/inner", Array("Host inner\nInclude inn*\nInclude config\n".utf8))
      let config = "\(directory.path)/.ssh/config"
      let names = ConfigurationAliases.list(file: config, userHome: directory.path)
      if Set(names).count != names.count { return "a name is there twice" }
      for name in names {
        if name.isEmpty { return "a name is empty" }
        if name.contains(where: { "*?!,\n\r".contains($0) }) { return "a pattern is listed: \(name)" }
      }
      directory.write(".ssh/config", Array("# a comment\n\n".utf8) + text + Array("\n\n# another\n".utf8))
      let again = ConfigurationAliases.list(file: config, userHome: directory.path)
      return again == names ? nil : "comments around it change the names"
    }
  }
}
