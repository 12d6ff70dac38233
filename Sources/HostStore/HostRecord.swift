package import JSON

/// One record of hosts.json as it is written there, whether it is a host that can be used or not.
///
/// A record that cannot be used is told where it is used or listed; it stands in no other host's way.
package struct HostRecord: Sendable, Hashable {
  /// The name by which tools call it; nil for a record that has none.
  package let id: String?
  /// The host, or why it is none.
  package let host: Result<StoredHost, HostStoreFailure>
  /// What is written, member by member.
  let json: JSONValue

  /// A record of the file, the one of that number from 1.
  init(_ json: JSONValue, number: Int, path: String) {
    self.json = json
    id = json["id"]?.string
    let fault: RecordFault
    do throws(RecordFault) {
      let host = try StoredHost(record: json)
      do throws(HostStoreFailure) {
        try host.validate()
        self.host = .success(host)
        return
      } catch {
        fault = RecordFault(error)
      }
    } catch {
      fault = error
    }
    host = .failure(.unusable(id: id, path: path, number: number, reason: fault.reason))
  }

  /// The record of a new host.
  init(_ host: StoredHost) {
    json = host.record
    id = host.id
    self.host = .success(host)
  }

  /// What lists for programs tell of a record that cannot be used: its id, if it has one, and why.
  package func problem(_ failure: HostStoreFailure) -> JSONValue {
    var object = JSONObject()
    object["id"] = id.map { .string($0) }
    object["problem"] = .string(failure.description)
    return .object(object)
  }

  /// The line of `list-hosts`.
  package var listing: String {
    switch host {
    case .success(let host): host.listing
    case .failure(let failure):
      id.map { "id=\($0.onOneLine) unusable: \(failure)" } ?? "unusable: \(failure)"
    }
  }
}
