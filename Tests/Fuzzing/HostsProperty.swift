import HostStore
import JSON

/// A hosts file: a damaged one stays as it is, a good one keeps all that is not ours.
enum HostsProperty {
  static func violation(_ bytes: [UInt8]) -> String? {
    ScratchDirectory.with { directory in
      directory.write("hosts.json", bytes)
      let store = HostStore(directory: directory.path)
      let new = StoredHost(id: "fuzz-new", host: "web", username: "root", password: "pw")
      guard let before = try? store.records() else {
        if (try? store.add(new)) != nil { return "a host was added to a damaged file" }
        return directory.read("hosts.json") == bytes ? nil : "a damaged file was changed"
      }
      if before.contains(where: { $0.id == new.id }) { return nil }
      guard (try? store.add(new)) != nil, let added = try? store.records() else {
        return "nothing can be added"
      }
      guard added.dropLast() == before[...], (try? added.last?.host.get()).map(fields) == fields(new) else {
        return "the hosts are other ones after one was added"
      }
      guard (try? store.remove(new.id)) != nil, let after = directory.read("hosts.json") else {
        return "what was added cannot be removed"
      }
      if directory.names(in: "") != ["hosts.json", "hosts.json.lock"] { return "files are left over" }
      return foreign(after) == foreign(bytes) ? nil : "what was there was changed"
    }
  }

  private static func fields(_ host: StoredHost) -> [String?] {
    [
      host.id, host.host, String(host.port), host.username, host.password, host.keyPath, host.passwordCommand,
      String(host.forwardAgent),
    ]
  }

  /// The text as this program writes it.
  private static func foreign(_ bytes: [UInt8]) -> [UInt8]? {
    let text = bytes.allSatisfy({ " \t\r\n".utf8.contains($0) }) ? Array("{}".utf8) : bytes
    guard var object = (try? JSONParser.parse(text))?.object else { return nil }
    object["hosts"] = .array(object["hosts"]?.array ?? [])
    return JSONWriter.compact(.object(object))
  }
}
