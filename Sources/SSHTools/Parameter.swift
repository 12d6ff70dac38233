package import JSON

/// One argument of a tool: its schema, its check and its row in the documents all come from this declaration.
package struct Parameter: Sendable {
  /// The name that clients see.
  package let name: String
  /// Other spellings that are accepted.
  package var aliases: [String] = []
  /// What values it takes.
  package let kind: Kind
  /// Whether a call must give it.
  package var isRequired = false
  /// What it is, for the model.
  package let description: String

  /// The types of values.
  package enum Kind: Sendable, Hashable {
    case string
    /// A whole number in a range; a missing one is `fallback`.
    case integer(ClosedRange<Int>, fallback: Int?)
    /// A number of seconds in a range, fractions allowed.
    case seconds(ClosedRange<Double>, fallback: Double?)
    case boolean
    case strings
    /// One of a few words.
    case choice([String])
  }

  /// The JSON Schema (2020-12) of all parameters together.
  package static func schema(_ parameters: [Parameter]) -> JSONValue {
    var schema = JSONObject([("type", "object")])
    if !parameters.isEmpty {
      schema["properties"] = .object(JSONObject(parameters.map { ($0.name, $0.schema) }))
    }
    let required = parameters.filter(\.isRequired).map { JSONValue.string($0.name) }
    if !required.isEmpty { schema["required"] = .array(required) }
    schema["additionalProperties"] = false
    return .object(schema)
  }

  private var schema: JSONValue {
    var schema = JSONObject()
    switch kind {
    case .string: schema["type"] = "string"
    case .boolean: schema["type"] = "boolean"
    case .integer(let range, let fallback):
      schema["type"] = "integer"
      schema["minimum"] = .int(range.lowerBound)
      schema["maximum"] = .int(range.upperBound)
      if let fallback { schema["default"] = .int(fallback) }
    case .seconds(let range, let fallback):
      schema["type"] = "number"
      schema["minimum"] = .double(range.lowerBound)
      schema["maximum"] = .double(range.upperBound)
      if let fallback { schema["default"] = .double(fallback) }
    case .strings:
      schema["type"] = "array"
      schema["items"] = ["type": "string"]
    case .choice(let words):
      schema["type"] = "string"
      schema["enum"] = .array(words.map { .string($0) })
    }
    if !description.isEmpty { schema["description"] = .string(description) }
    return .object(schema)
  }

  /// What a value must be, as the end of a sentence.
  fileprivate var demand: String {
    switch kind {
    case .string: "a string"
    case .boolean: "true or false"
    case .integer(let range, _): "an integer from \(range.lowerBound) to \(range.upperBound)"
    case .seconds(let range, _):
      "a number of seconds from \(range.lowerBound.short) to \(range.upperBound.short)"
    case .strings: "an array of strings"
    case .choice(let words): "one of \(words.joined(separator: ", "))"
    }
  }

  fileprivate func isNamed(_ text: String) -> Bool {
    name.hasBytes(of: text) || aliases.contains { $0.hasBytes(of: text) }
  }

  fileprivate func accepts(_ value: JSONValue) -> Bool {
    switch kind {
    case .string: value.string != nil
    case .boolean: value.bool != nil
    case .integer(let range, _): value.int.map(range.contains) ?? false
    case .seconds(let range, _): value.double.map(range.contains) ?? false
    case .strings: value.array?.allSatisfy { $0.string != nil } ?? false
    case .choice(let words): value.string.map { word in words.contains { $0.hasBytes(of: word) } } ?? false
    }
  }
}

extension Double {
  /// Without a fraction where there is none.
  var short: String { Int(exactly: self).map { String($0) } ?? String(self) }
}

/// A call's arguments, checked against the declaration of its tool.
package struct Arguments: Sendable {
  private let values: [String: JSONValue]
  private let parameters: [Parameter]

  /// Checks names, presence, types and ranges.
  ///
  /// - Throws: `ToolFailure` that names the argument and what it must be.
  package init(_ object: JSONObject, of parameters: [Parameter]) throws(ToolFailure) {
    var values: [String: JSONValue] = [:]
    for (name, value) in object.members {
      guard let parameter = parameters.first(where: { $0.isNamed(name) }) else {
        let known = parameters.map(\.name).joined(separator: ", ")
        throw ToolFailure(
          code: "unknown_argument",
          "Unknown argument '\(name)'. This tool takes \(known.isEmpty ? "no arguments" : known).")
      }
      if value.isNull, !parameter.isRequired { continue }
      guard parameter.accepts(value) else {
        throw ToolFailure(
          code: "invalid_argument",
          "Argument '\(name)' must be \(parameter.demand), not \(value.typeName)\(Self.shown(value)).")
      }
      if let other = values[parameter.name], other != value {
        let spellings = ([parameter.name] + parameter.aliases).map { "'\($0)'" }.joined(separator: " and ")
        throw ToolFailure(
          code: "invalid_argument",
          "Arguments \(spellings) are spellings of one, and their values differ. Give one of them.")
      }
      values[parameter.name] = value
    }
    for parameter in parameters where parameter.isRequired && values[parameter.name] == nil {
      throw ToolFailure(
        code: "missing_argument", "Argument '\(parameter.name)' is missing: \(parameter.demand).")
    }
    self.values = values
    self.parameters = parameters
  }

  /// Numbers and short words are told back; strings are not, they could be secrets.
  private static func shown(_ value: JSONValue) -> String {
    if case .number(let number) = value { " \(number.literal)" } else { "" }
  }

  /// The text of a string argument, if it was given.
  package func string(_ name: String) -> String? { values[name]?.string }

  /// The text of a string argument that the declaration requires.
  package func required(_ name: String) -> String {
    guard let text = values[name]?.string else {
      preconditionFailure("'\(name)' is not declared as a required string")
    }
    return text
  }

  /// The value of an integer argument, or its default.
  package func integer(_ name: String) -> Int? {
    if let value = values[name]?.int { return value }
    guard case .integer(_, let fallback)? = parameters.first(where: { $0.name == name })?.kind else {
      return nil
    }
    return fallback
  }

  /// The value of an argument in seconds, or its default.
  package func duration(_ name: String) -> Duration? {
    if let value = values[name]?.double { return .seconds(value) }
    guard case .seconds(_, let fallback)? = parameters.first(where: { $0.name == name })?.kind else {
      return nil
    }
    return fallback.map { .seconds($0) }
  }

  /// The value of a boolean argument, if it was given.
  package func boolean(_ name: String) -> Bool? { values[name]?.bool }

  /// The elements of an array of strings, if it was given.
  package func strings(_ name: String) -> [String]? { values[name]?.array?.compactMap(\.string) }
}
