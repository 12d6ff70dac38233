import Foundation
import TestSupport

/// The tables of Guarantees.md, read and written.
struct GuaranteePage {
  /// What stands in a cell, and the note that its number refers to.
  struct Cell: Equatable {
    var text: String
    var note: String?
  }

  /// The shells of the table.
  ///
  /// Without ksh93: a program that stops itself comes back there now and then only.
  static let columns = LoginShell.allCases.filter { $0 != .ksh93 }

  /// By row and column.
  var cells: [String: [LoginShell: Cell]] = [:]
  /// What stands before the first table: written by hand.
  private var introduction: String

  private static let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
    .appending(path: "Sources/ssh-mcp-sessions/Documentation.docc/Guarantees.md")

  /// The page as it is.
  static func read() throws -> GuaranteePage {
    let text = try String(contentsOf: url, encoding: .utf8)
    let end = text.range(of: "\n## ")?.lowerBound ?? text.endIndex
    var page = GuaranteePage(introduction: String(text[..<end]))
    var notes: [String: String] = [:]
    for line in text.split(separator: "\n") {
      if let match = line.wholeMatch(of: /(\d+)\. (.*)/) { notes[String(match.1)] = String(match.2) }
    }
    for line in text[end...].split(separator: "\n") where line.hasPrefix("| ") {
      let fields = line.dropFirst(2).dropLast(2).components(separatedBy: " | ")
      guard fields.count == GuaranteePage.columns.count + 1, fields[1] != "bash" else { continue }
      let name = fields[0].replacingOccurrences(of: "\\|", with: "|")
      page.cells[name] = Dictionary(
        uniqueKeysWithValues: zip(GuaranteePage.columns, fields.dropFirst().map { cell($0, notes) }))
    }
    return page
  }

  private static func cell(_ field: String, _ notes: [String: String]) -> Cell {
    guard let match = field.wholeMatch(of: /(.*) \((\d+)\)/) else { return Cell(text: field, note: nil) }
    return Cell(text: String(match.1), note: notes[String(match.2)])
  }

  /// Puts in what was seen with that shell; rows that it has not are gone.
  mutating func setColumn(of shell: LoginShell, _ column: [String: Cell]) {
    cells = cells.filter { column[$0.key] != nil }
    for (name, cell) in column { cells[name, default: [:]][shell] = cell }
  }

  /// Writes the tables anew, in the order of the rows; what nobody has seen is "unknown".
  func write() throws {
    var text = introduction
    var notes: [String] = []
    var group = ""
    for row in Guarantee.all {
      if row.group != group {
        group = row.group
        let columns = GuaranteePage.columns.map(\.rawValue).joined(separator: " | ")
        text += "\n## \(group)\n\n| In one session | \(columns) |\n"
        text += "|---|" + String(repeating: "---|", count: GuaranteePage.columns.count) + "\n"
      }
      let fields = GuaranteePage.columns.map { shell in
        let cell = cells[row.name]?[shell] ?? Cell(text: "unknown", note: nil)
        guard let note = cell.note else { return cell.text }
        let number = notes.firstIndex(of: note) ?? notes.count
        if number == notes.count { notes.append(note) }
        return "\(cell.text) (\(number + 1))"
      }
      let name = row.name.replacingOccurrences(of: "|", with: "\\|")
      text += "| \(name) | \(fields.joined(separator: " | ")) |\n"
    }
    text += "\n## Notes\n\n"
    text += notes.enumerated().map { "\($0.offset + 1). \($0.element)\n" }.joined()
    try text.write(to: Self.url, atomically: true, encoding: .utf8)
  }
}
