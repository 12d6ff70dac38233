/// Where the names of an object stand while it is read: compared one by one in small objects, looked up in large ones.
struct NameIndex {
  /// Up to so many members, comparing costs less than hashing.
  private static let comparedCount = 16

  private var places: [ByteKey: Int] = [:]

  /// The place of the member of that name; where there is none, it is taken to be appended next.
  mutating func place(of name: String, in members: [(name: String, value: JSONValue)]) -> Int? {
    guard members.count >= Self.comparedCount else {
      return members.firstIndex { $0.name.hasBytes(of: name) }
    }
    if places.isEmpty {
      for (place, member) in members.enumerated() { places[ByteKey(member.name)] = place }
    }
    if let place = places[ByteKey(name)] { return place }
    places[ByteKey(name)] = members.count
    return nil
  }
}
