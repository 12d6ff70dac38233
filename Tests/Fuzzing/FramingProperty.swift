import JSON
import MCP

/// Lines, JSON and messages of a client's stream.
enum FramingProperty {
  /// Small, so that lines over the limit are met.
  private static let limitBytes = 512

  static func violation(_ bytes: [UInt8]) -> String? {
    let lines = framed([bytes[...]])
    guard framed(Pieces.single(bytes)) == lines, framed(Pieces.uneven(bytes)) == lines else {
      return "a split gives other lines"
    }
    for case .complete(let line) in lines {
      if line.count > limitBytes { return "a line over the limit came through" }
      if line.contains(0x0A) { return "a line holds a line end" }
      if let violation = valueViolation(line) { return violation }
    }
    return valueViolation(bytes)
  }

  private static func framed(_ pieces: [ArraySlice<UInt8>]) -> [LineFramer.Line] {
    var framer = LineFramer(limitBytes: limitBytes)
    return pieces.flatMap { framer.consume($0) } + framer.consume([0x0A])
  }

  private static func valueViolation(_ bytes: [UInt8]) -> String? {
    readingViolation(bytes) ?? parsedViolation(bytes)
  }

  /// What has the grammar is read to its end, and is the same value if nothing is wrong with it.
  private static func readingViolation(_ bytes: [UInt8]) -> String? {
    let value = try? JSONParser.parse(bytes)
    guard let reading = try? JSONParser.read(bytes) else {
      return value == nil ? nil : "a text without the grammar of JSON has a value"
    }
    if let fault = reading.fault, !(0..<bytes.count).contains(fault.offset) { return "a fault is nowhere" }
    if reading.fault == nil, value == nil { return "a text without a fault has no value" }
    if let value, value != reading.value { return "a text is read in two ways" }
    return reading.fault == nil ? nil : messageViolation(reading.value)
  }

  private static func parsedViolation(_ bytes: [UInt8]) -> String? {
    let value: JSONValue
    do throws(JSONSyntaxError) {
      value = try JSONParser.parse(bytes)
    } catch {
      let isInside = (0...bytes.count).contains(error.offset) && error.line >= 1 && error.column >= 1
      return isInside ? nil : "the fault is at offset \(error.offset) of \(bytes.count)"
    }
    let compact = JSONWriter.compact(value)
    if compact.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return "the writer let a control byte out" }
    for text in [compact, JSONWriter.pretty(value)] {
      guard let again = try? JSONParser.parse(text) else { return "what was written cannot be read" }
      if JSONWriter.compact(again) != compact { return "a value changed on the way through" }
    }
    return messageViolation(value)
  }

  private static func messageViolation(_ value: JSONValue) -> String? {
    do throws(InvalidMessage) {
      switch try Message(value) {
      case .request(let id, let method, _):
        guard let there = value["id"], JSONWriter.compact(id.json) == JSONWriter.compact(there),
          value["method"]?.string == method
        else { return "a request's id or method is not that of the text" }
      case .notification:
        if value["id"] != nil { return "a request was taken for a notification" }
      case .response(let id, let result, let error):
        guard id == value["id"].flatMap({ RequestID($0) }), value["method"] == nil,
          result != nil || error != nil
        else { return "something else was taken for a response" }
      }
    } catch {
      if let id = error.id, value["id"].map({ JSONWriter.compact($0) }) != JSONWriter.compact(id.json) {
        return "the error answers another id"
      }
    }
    return nil
  }
}
