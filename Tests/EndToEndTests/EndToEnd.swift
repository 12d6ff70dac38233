import Foundation
import TestSupport
import Testing

/// The built server, driven as a client would, against a real sshd on loopback.
///
/// One at a time: each test starts daemons and logs in, and two cores are shared with all other tests.
@Suite(.serialized) struct EndToEnd {
  /// Not conditional like the stories: when the server does not even start, this says so, once.
  @Test func `the built server says that it runs and ends with its input`() async throws {
    let server = try ServerUnderTest(home: try TemporaryDirectory())
    server.process.closeInput()
    let record = try await server.process.end(within: .seconds(5))
    #expect(record.errorText == "SSH MCP Server running on stdio\n")
    #expect(record.text.isEmpty)
    #expect(record.ending == .exited(0))
  }
}

extension Trait where Self == ConditionTrait {
  /// Runs the story only with a server that starts; EndToEnd's own test fails when there is none.
  static var withServer: Self {
    .enabled("the built server does not start (see EndToEnd's own test)") {
      let server = try ServerUnderTest(home: try TemporaryDirectory())
      server.process.closeInput()
      return try await server.process.end(within: .seconds(5)).errorText.contains("running on stdio")
    }
  }
}
