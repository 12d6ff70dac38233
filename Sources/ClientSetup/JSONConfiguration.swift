import JSON

/// A configuration in JSON, changed in place: only the bytes of our entry differ afterwards.
struct JSONConfiguration: Configuration {
  private let client: Client
  private let container: String
  private let bytes: [UInt8]
  private let root: JSONSpans?
  private let servers: JSONSpans?
  private let values: JSONObject

  /// Reads a text; an empty one counts as an empty object.
  ///
  /// - Throws: `ConfigurationFault`.
  init(_ bytes: [UInt8], client: Client, container: String) throws(ConfigurationFault) {
    self.client = client
    self.container = container
    self.bytes = bytes
    guard !bytes.allSatisfy({ " \t\r\n".utf8.contains($0) }) else {
      root = nil
      servers = nil
      values = JSONObject()
      return
    }
    let value = try Self.parse(bytes)
    guard value.object != nil, let root = JSONSpans(of: bytes, at: 0) else {
      throw .unsuited(reason: "it holds \(value.typeName), not an object")
    }
    self.root = root
    guard let index = root.index(of: container) else {
      servers = nil
      values = JSONObject()
      return
    }
    guard let values = value[container]?.object,
      let servers = JSONSpans(of: bytes, at: root.members[index].value.lowerBound)
    else { throw .unsuited(reason: "\"\(container)\" is \(value[container]?.typeName ?? ""), not an object") }
    self.values = values
    self.servers = servers
  }

  private static func parse(_ bytes: [UInt8]) throws(ConfigurationFault) -> JSONValue {
    do throws(JSONSyntaxError) {
      return try JSONParser.parse(bytes)
    } catch {
      let isComment =
        bytes[error.offset...].starts(with: "//".utf8) || bytes[error.offset...].starts(with: "/*".utf8)
      throw .damaged(
        line: error.line, column: error.column,
        reason: isComment ? "a comment, which plain JSON does not have" : error.reason)
    }
  }

  func shown(_ name: String) -> String? {
    values[name].map { String(decoding: JSONWriter.pretty(Self.hidingSecrets($0)), as: UTF8.self) }
  }

  func has(_ entry: ServerEntry, named name: String) -> Bool {
    values[name].map { Self.sorted($0) == Self.sorted(entry.json(for: client)) } ?? false
  }

  func setting(_ entry: ServerEntry, named name: String) -> [UInt8] {
    let value = entry.json(for: client)
    guard let root else {
      return JSONWriter.pretty(.object(JSONObject([(container, .object(JSONObject([(name, value)])))])))
    }
    guard let servers else { return inserting(container, .object(JSONObject([(name, value)])), into: root) }
    guard let index = servers.index(of: name) else { return inserting(name, value, into: servers) }
    let member = servers.members[index]
    let prefix = linePrefix(of: member.range.lowerBound)
    let replacement = rendered(value, prefix: prefix.isWholeLine ? prefix.text : nil)
    return replacing(member.value, by: replacement)
  }

  func removing(_ name: String, original: [UInt8]?) -> [UInt8] {
    guard let servers, let index = servers.index(of: name) else { return bytes }
    let isContainerOurs =
      servers.members.count == 1
      && original.flatMap { try? JSONParser.parse($0).object.map { $0[container] == nil } } ?? false
    if isContainerOurs, let root, let index = root.index(of: container) { return removing(index, from: root) }
    return removing(index, from: servers)
  }

  // MARK: - Text

  private func inserting(_ name: String, _ value: JSONValue, into object: JSONSpans) -> [UInt8] {
    let quoted = JSONWriter.compact(.string(name))
    if let first = object.members.first, let last = object.members.last {
      // The white space before the first member is the style of this object.
      let space = bytes[(object.range.lowerBound + 1)..<first.range.lowerBound]
      let line = space.lastIndex(of: 0x0A)
      let prefix = line.map { String(decoding: space[($0 + 1)...], as: UTF8.self) }
      let separator = line == nil ? Array(space) : Array(newline.utf8) + Array((prefix ?? "").utf8)
      let end = last.range.upperBound
      let isTight = line == nil && space.isEmpty
      return replacing(
        end..<end,
        by: [UInt8(ascii: ",")] + (isTight || line != nil ? separator : [0x20]) + quoted + [UInt8(ascii: ":")]
          + (isTight ? [] : [0x20]) + rendered(value, prefix: prefix))
    }
    if isOnOneLine {
      return replacing(
        object.range,
        by: Array("{".utf8) + quoted + Array(":".utf8) + rendered(value, prefix: nil) + Array("}".utf8))
    }
    let outer = linePrefix(of: object.range.lowerBound).text
    let prefix = outer + unit
    return replacing(
      object.range,
      by: Array("{\(newline)\(prefix)".utf8) + quoted + Array(": ".utf8) + rendered(value, prefix: prefix)
        + Array("\(newline)\(outer)}".utf8))
  }

  private func removing(_ index: Int, from object: JSONSpans) -> [UInt8] {
    let members = object.members
    if index > 0 {
      return replacing(members[index - 1].range.upperBound..<members[index].range.upperBound, by: [])
    }
    if members.count > 1 {
      return replacing(members[0].range.lowerBound..<members[1].range.lowerBound, by: [])
    }
    return replacing(object.range, by: Array("{}".utf8))
  }

  private func replacing(_ range: Range<Int>, by text: [UInt8]) -> [UInt8] {
    Array(bytes[..<range.lowerBound]) + text + Array(bytes[range.upperBound...])
  }

  /// A value on lines that begin with `prefix`, or on one line where there is none.
  private func rendered(_ value: JSONValue, prefix: String?) -> [UInt8] {
    guard let prefix else { return JSONWriter.compact(value) }
    let lines = JSONWriter.pretty(value).split(separator: 0x0A).map { line in
      let depth = line.prefix { $0 == 0x20 }.count / 2
      return String(repeating: unit, count: depth)
        + String(decoding: line.dropFirst(depth * 2), as: UTF8.self)
    }
    return Array(lines.joined(separator: newline + prefix).utf8)
  }

  private var newline: String { bytes.contains(0x0D) ? "\r\n" : "\n" }

  private var isOnOneLine: Bool {
    root.map { !$0.members.isEmpty && !bytes[$0.range].contains(0x0A) } ?? false
  }

  /// One level of indentation, as the first member of the file has it.
  private var unit: String {
    guard let first = root?.members.first else { return "  " }
    let prefix = linePrefix(of: first.range.lowerBound)
    return prefix.isWholeLine && !prefix.text.isEmpty ? prefix.text : "  "
  }

  /// The white space at the start of the line of a byte, and whether nothing else is before the byte.
  private func linePrefix(of offset: Int) -> (text: String, isWholeLine: Bool) {
    let start = bytes[..<offset].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    let space = bytes[start..<offset].prefix { $0 == 0x20 || $0 == 0x09 }
    return (String(decoding: space, as: UTF8.self), space.endIndex == offset && start > 0)
  }

  // MARK: - Meaning

  /// The value with the members of objects in the order of their names, since their order means nothing.
  private static func sorted(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(let object):
      .object(JSONObject(object.members.sorted { $0.name < $1.name }.map { ($0.name, sorted($0.value)) }))
    case .array(let elements): .array(elements.map(sorted))
    default: value
    }
  }

  private static func hidingSecrets(_ entry: JSONValue) -> JSONValue {
    guard var object = entry.object else { return entry }
    for member in ["env", "headers"] {
      guard let values = object[member]?.object else { continue }
      object[member] = .object(
        JSONObject(values.members.map { ($0.name, isPublic($0.name) ? $0.value : .string(hiddenValue)) }))
    }
    return .object(object)
  }
}
