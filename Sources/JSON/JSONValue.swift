/// A JSON value as RFC 8259 defines it, with the order of members and the text of numbers kept.
///
/// Order and number text are kept because both of our uses need them: a hosts file is rewritten without
/// touching what we do not know, and a JSON-RPC id is echoed exactly as it came.
package enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  /// A string that is no text.
  case unpaired(JSONUnpaired)
  case array([JSONValue])
  case object(JSONObject)

  /// The members, if this is an object.
  package var object: JSONObject? {
    if case .object(let object) = self { object } else { nil }
  }

  /// The elements, if this is an array.
  package var array: [JSONValue]? {
    if case .array(let array) = self { array } else { nil }
  }

  /// The text, if this is a string.
  package var string: String? {
    if case .string(let string) = self { string } else { nil }
  }

  /// The truth value, if this is `true` or `false`.
  package var bool: Bool? {
    if case .bool(let bool) = self { bool } else { nil }
  }

  /// The value as an integer, if this is a number without a fraction that fits (`3`, also `3.0` and `3e0`).
  package var int: Int? {
    if case .number(let number) = self { number.int } else { nil }
  }

  /// The value in floating point, if this is a number.
  package var double: Double? {
    if case .number(let number) = self { number.double } else { nil }
  }

  /// Whether this is `null`.
  package var isNull: Bool { self == .null }

  /// The member of that name, if this is an object that has it.
  package subscript(name: String) -> JSONValue? { object?[name] }

  /// The JSON name of this value's type, for messages to people.
  package var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number(let number): number.int == nil ? "number" : "integer"
    case .string: "string"
    case .unpaired: "string with an unpaired surrogate"
    case .array: "array"
    case .object: "object"
    }
  }
}

/// A JSON string in which half of a surrogate pair stands alone: no text, but other programs write it, and a file that
/// holds it must keep it.
package struct JSONUnpaired: Sendable, Hashable {
  /// What stood between the quotes, escapes as they were.
  let literal: String

  package static func == (left: JSONUnpaired, right: JSONUnpaired) -> Bool {
    left.literal.hasBytes(of: right.literal)
  }

  package func hash(into hasher: inout Hasher) { literal.hashBytes(into: &hasher) }
}

/// A JSON number as its text, so that nothing is rounded on the way through.
package struct JSONNumber: Sendable, Hashable {
  /// The number as RFC 8259 writes it, exactly as it was read.
  package let literal: String

  /// Trusts the caller that `literal` has the form of RFC 8259 section 6.
  init(literal: String) {
    self.literal = literal
  }

  /// A whole number.
  package init(_ value: Int) {
    self.literal = String(value)
  }

  /// A number in floating point; JSON has no infinities and no NaN, they become `null`'s neighbour 0.
  package init(_ value: Double) {
    self.literal =
      value.isFinite ? (Int(exactly: value).map { String($0) } ?? String(describing: value)) : "0"
  }

  /// The value as an integer, if it has no fraction and fits.
  package var int: Int? {
    if let int = Int(literal) { return int }
    guard literal.utf8.contains(where: { $0 == 0x2E || $0 | 0x20 == 0x65 }) else { return nil }
    return Double(literal).flatMap { Int(exactly: $0) }
  }

  /// The value in floating point; infinite where the text is beyond its range.
  package var double: Double { Double(literal) ?? .nan }

  /// Whether the text is that of an integer: digits with an optional sign, whatever its size.
  package var isIntegerLiteral: Bool { literal.utf8.allSatisfy { $0 == 0x2D || (0x30...0x39).contains($0) } }
}

/// The members of a JSON object, in order; a name occurs once.
package struct JSONObject: Sendable, Hashable {
  /// Names with their values, in the order of the text.
  package private(set) var members: [(name: String, value: JSONValue)]

  /// No members.
  package init() {
    members = []
  }

  /// The members in that order; of a repeated name the last value stays, at the first one's place.
  package init(_ members: [(String, JSONValue)]) {
    self.members = []
    for (name, value) in members { self[name] = value }
  }

  /// Trusts the caller that no name is repeated.
  init(unique members: [(name: String, value: JSONValue)]) {
    self.members = members
  }

  /// The value of that name; setting a new name appends it, setting `nil` removes it.
  ///
  /// Linear in the number of members: our objects have few.
  package subscript(name: String) -> JSONValue? {
    get { members.first { $0.name.hasBytes(of: name) }?.value }
    set {
      let place = members.firstIndex { $0.name.hasBytes(of: name) }
      switch (place, newValue) {
      case (let place?, let value?): members[place].value = value
      case (let place?, nil): members.remove(at: place)
      case (nil, let value?): members.append((name, value))
      case (nil, nil): break
      }
    }
  }

  /// The names, in order.
  package var names: [String] { members.map(\.name) }

  package var isEmpty: Bool { members.isEmpty }

  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.members.count == right.members.count
      && zip(left.members, right.members).allSatisfy { $0.name.hasBytes(of: $1.name) && $0.value == $1.value }
  }

  package func hash(into hasher: inout Hasher) {
    for (name, value) in members {
      name.hashBytes(into: &hasher)
      hasher.combine(value)
    }
  }
}

extension JSONValue {
  /// Texts are the same where their bytes are.
  package static func == (left: JSONValue, right: JSONValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.number(let left), .number(let right)): left == right
    case (.string(let left), .string(let right)): left.hasBytes(of: right)
    case (.unpaired(let left), .unpaired(let right)): left == right
    case (.array(let left), .array(let right)): left == right
    case (.object(let left), .object(let right)): left == right
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .bool(let bool): hasher.combine(bool)
    case .number(let number): hasher.combine(number)
    case .string(let string): string.hashBytes(into: &hasher)
    case .unpaired(let string): hasher.combine(string)
    case .array(let elements): hasher.combine(elements)
    case .object(let object): hasher.combine(object)
    }
  }
}

extension JSONObject {
  /// Whether both have the same members, whatever their order and that of the objects within.
  package func isSame(inAnyOrderAs other: JSONObject) -> Bool {
    guard members.count == other.members.count else { return false }
    // As a rule the same program has written both.
    if zip(members, other.members).allSatisfy({ $0.name.hasBytes(of: $1.name) }) {
      return zip(members, other.members).allSatisfy { $0.value.isSame(inAnyOrderAs: $1.value) }
    }
    let values = Dictionary(
      other.members.map { (ByteKey($0.name), $0.value) }, uniquingKeysWith: { first, _ in first })
    return members.allSatisfy { member in
      values[ByteKey(member.name)].map { member.value.isSame(inAnyOrderAs: $0) } ?? false
    }
  }
}

extension JSONValue {
  fileprivate func isSame(inAnyOrderAs other: JSONValue) -> Bool {
    switch (self, other) {
    case (.object(let left), .object(let right)): left.isSame(inAnyOrderAs: right)
    case (.array(let left), .array(let right)):
      left.count == right.count && zip(left, right).allSatisfy { $0.isSame(inAnyOrderAs: $1) }
    default: self == other
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByFloatLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int) { self = .number(JSONNumber(value)) }
  package init(floatLiteral value: Double) { self = .number(JSONNumber(value)) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }

  /// A whole number.
  package static func int(_ value: Int) -> JSONValue { .number(JSONNumber(value)) }

  /// A number in floating point.
  package static func double(_ value: Double) -> JSONValue { .number(JSONNumber(value)) }
}
