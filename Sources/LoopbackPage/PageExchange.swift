/// The page's half of HTTP/1.1 (RFC 9112): what one request is answered with.
///
/// A value; knows no sockets.
struct PageExchange: Sendable {
  /// The bounds of a request.
  enum Limits {
    static let headBytes = 16 << 10
    static let bodyBytes = 8 << 10
    /// What ssh reads of an answer (readpass.c).
    static let secretBytes = 1023
  }

  /// What to do with the bytes so far.
  enum Step: Sendable, Hashable {
    case wait
    case answer(status: String, title: String, text: String)
    case form
    case secret([UInt8])
  }

  let port: Int
  let token: String
  /// Whether the secret has been taken.
  let isUsed: Bool

  /// Looks at a request, whole or not.
  func step(_ bytes: [UInt8]) -> Step {
    guard let end = Self.endOfHead(bytes) else {
      return bytes.count > Limits.headBytes ? Self.refusal("431 Request Header Fields Too Large") : .wait
    }
    guard end <= Limits.headBytes, let head = String(validating: bytes[..<end], as: UTF8.self) else {
      return Self.refusal("400 Bad Request")
    }
    var lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
    let request = lines.removeFirst().split(separator: " ", omittingEmptySubsequences: false)
    guard request.count == 3, request[2].hasPrefix("HTTP/1.") else { return Self.refusal("400 Bad Request") }
    var fields: [String: String] = [:]
    for line in lines where !line.isEmpty {
      guard let colon = line.firstIndex(of: ":") else { return Self.refusal("400 Bad Request") }
      let name = line[..<colon].lowercased()
      // Two of a kind are how requests are smuggled; we need none twice.
      guard fields[name] == nil || !["host", "origin", "content-length"].contains(name) else {
        return Self.refusal("400 Bad Request")
      }
      fields[name] = line[line.index(after: colon)...].trimming
    }
    // Another name for this address would be DNS rebinding.
    guard fields["host"] == "127.0.0.1:\(port)" else { return Self.refusal("403 Forbidden") }
    guard Self.isEqual(String(request[1]), "/\(token)") else { return Self.refusal("404 Not Found") }
    switch request[0] {
    case "GET": return isUsed ? Self.used : .form
    case "POST":
      guard !isUsed else { return Self.used }
      return post(fields, bytes[(end + 4)...])
    default: return Self.refusal("405 Method Not Allowed")
    }
  }

  private func post(_ fields: [String: String], _ body: ArraySlice<UInt8>) -> Step {
    // A page of somebody else's may send a form here, but not under our origin.
    guard fields["origin"] == "http://127.0.0.1:\(port)" else { return Self.refusal("403 Forbidden") }
    guard fields["content-type"]?.hasPrefix("application/x-www-form-urlencoded") == true,
      fields["transfer-encoding"] == nil, let length = fields["content-length"].flatMap({ Int($0) }),
      length >= 0
    else { return Self.refusal("400 Bad Request") }
    guard length <= Limits.bodyBytes else { return Self.refusal("413 Content Too Large") }
    guard body.count >= length else { return .wait }
    let values = body.prefix(length).split(separator: UInt8(ascii: "&")).filter {
      $0.starts(with: "secret=".utf8)
    }
    guard values.count == 1, let secret = Self.decoded(values[0].dropFirst(7)),
      secret.count <= Limits.secretBytes, !secret.contains(where: { $0 == 0 || $0 == 0x0A || $0 == 0x0D })
    else { return Self.refusal("400 Bad Request") }
    return .secret(secret)
  }

  private static let used = Step.answer(
    status: "410 Gone", title: "Already used", text: "This page takes one answer. You can close it.")

  private static func refusal(_ status: String) -> Step {
    .answer(status: status, title: "Not here", text: "This is not the page that was asked for.")
  }

  /// Compares without telling by its time where the difference is.
  private static func isEqual(_ left: String, _ right: String) -> Bool {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    return left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private static func endOfHead(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 4 else { return nil }
    return (0...(bytes.count - 4)).first { Array(bytes[$0..<($0 + 4)]) == [0x0D, 0x0A, 0x0D, 0x0A] }
  }

  /// A value of application/x-www-form-urlencoded; nil for a broken one.
  static func decoded(_ value: ArraySlice<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = value
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+"): bytes.append(0x20)
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
          return nil
        }
        bytes.append(high << 4 | low)
      default: bytes.append(byte)
      }
    }
    return bytes
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
  }

  // MARK: - Answers

  /// A whole answer; nothing of it is kept by a browser or loaded from elsewhere.
  static func response(_ status: String, body: String) -> [UInt8] {
    let body = Array(body.utf8)
    let head = [
      "HTTP/1.1 \(status)", "Content-Type: text/html; charset=utf-8", "Content-Length: \(body.count)",
      "Cache-Control: no-store", "Connection: close", "X-Content-Type-Options: nosniff",
      // Not no-referrer: browsers would then send the form with the origin "null".
      "Referrer-Policy: same-origin",
      "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        + "frame-ancestors 'none'; base-uri 'none'",
      "Cross-Origin-Opener-Policy: same-origin",
    ]
    return Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
  }

  static func page(title: String, body: String) -> String {
    """
    <!doctype html><html lang="en"><meta charset="utf-8"><title>\(escaped(title))</title>
    <meta name="viewport" content="width=device-width">
    <style>body{font:16px system-ui;max-width:34em;margin:3em auto;padding:0 1em}
    input,button{font:inherit;padding:.4em;margin:.5em 0}input{width:100%;box-sizing:border-box}</style>
    <h1>\(escaped(title))</h1>\(body)</html>
    """
  }

  static func escaped(_ text: String) -> String {
    text.reduce(into: "") { escaped, character in
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      default: escaped.append(character)
      }
    }
  }
}

extension Substring {
  fileprivate var trimming: String {
    var text = self
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return String(text)
  }
}
