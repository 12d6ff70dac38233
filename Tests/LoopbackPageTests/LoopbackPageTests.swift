import ChildProcess
import LoopbackPage
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct LoopbackPageTests {
  static let words = LoopbackPage.Words(
    title: "T", paragraphs: ["To log in to <b>'web'"], label: "Code & \"word\": ")

  /// A page, and a task that waits for its secret.
  func with(_ body: (LoopbackPage, _ path: String, _ port: Int) async throws -> Void) async throws {
    let reactor = try Reactor()
    defer { reactor.stop() }
    let page = try LoopbackPage(Self.words, reactor: reactor)
    let (path, port) = try #require(HTTPRequest.parts(page.url))
    try await body(page, path, port)
    page.close()
  }

  static func status(_ answer: String?) -> String {
    String(answer?.split(separator: " ").dropFirst().first ?? "nothing")
  }

  @Test func `it shows a form and takes one answer`() async throws {
    try await with { page, _, _ in
      async let secret = page.secret()
      let form = await HTTPRequest.get(page.url) ?? ""
      #expect(Self.status(form) == "200")
      #expect(form.contains("Cache-Control: no-store") && form.contains("default-src 'none'"))
      #expect(
        form.contains("To log in to &lt;b&gt;&#39;web&#39;") && form.contains("Code &amp; &quot;word&quot;"))
      #expect(!form.contains("http://") && !form.contains("https://") && !form.contains("src="))
      let canary = "s3cret +&=%é\""
      let thanks = await HTTPRequest.post(page.url, secret: canary) ?? ""
      #expect(Self.status(thanks) == "200" && !thanks.contains("s3cret"))
      #expect(await secret == Array(canary.utf8))
      #expect(Self.status(await HTTPRequest.post(page.url, secret: "again")) == "410")
      #expect(Self.status(await HTTPRequest.get(page.url)) == "410")
    }
  }

  @Test func `without its path there is nothing, and nothing is taken`() async throws {
    try await with { page, path, port in
      let wrong = String(path.dropLast()) + (path.hasSuffix("0") ? "1" : "0")
      for path in [wrong, "/", "\(path)0", "\(path)?x", "/favicon.ico"] {
        let url = "http://127.0.0.1:\(port)\(path)"
        let answer = await HTTPRequest.send(
          "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\r\n", port: port)
        #expect(Self.status(answer) == "404", "\(url)")
      }
      let answer = await HTTPRequest.post("http://127.0.0.1:\(port)\(wrong)", secret: "x")
      #expect(Self.status(answer) == "404")
      #expect(Self.status(await HTTPRequest.get(page.url)) == "200")
    }
  }

  @Test(arguments: [
    ("GET PATH HTTP/1.1\r\nHost: evil.example:PORT\r\n\r\n", "403"),
    ("GET PATH HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", "403"), ("GET PATH HTTP/1.1\r\n\r\n", "403"),
    ("GET PATH HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nHost: 127.0.0.1:PORT\r\n\r\n", "400"),
    ("GET PATH\r\nHost: 127.0.0.1:PORT\r\n\r\n", "400"), ("\u{0}\r\n\r\n", "400"),
    ("HEAD PATH HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", "405"),
    ("POST PATH HTTP/1.1\r\nHOST\r\nTYPE\r\nContent-Length: 8\r\n\r\nsecret=x", "403"),
    ("POST PATH HTTP/1.1\r\nHOST\r\nTYPE\r\nOrigin: null\r\nContent-Length: 8\r\n\r\nsecret=x", "403"),
    (
      "POST PATH HTTP/1.1\r\nHOST\r\nTYPE\r\nOrigin: http://evil.example\r\nContent-Length: 8\r\n\r\nsecret=x",
      "403"
    ),
    ("POST PATH HTTP/1.1\r\nHOST\r\nORIGIN\r\nContent-Length: 8\r\n\r\nsecret=x", "400"),
    ("POST PATH HTTP/1.1\r\nHOST\r\nORIGIN\r\nTYPE\r\n\r\nsecret=x", "400"),
    ("POST PATH HTTP/1.1\r\nHOST\r\nORIGIN\r\nTYPE\r\nContent-Length: 99999\r\n\r\nsecret=x", "413"),
    ("POST PATH HTTP/1.1\r\nHOST\r\nORIGIN\r\nTYPE\r\nContent-Length: 7\r\n\r\nother=x", "400"),
    ("POST PATH HTTP/1.1\r\nHOST\r\nORIGIN\r\nTYPE\r\nContent-Length: 11\r\n\r\nsecret=%0Ax", "400"),
    ("POST PATH HTTP/1.1\r\nHOST\r\nORIGIN\r\nTYPE\r\nContent-Length: 9\r\n\r\nsecret=%G", "400"),
  ])
  func `what no form of ours sends is refused and takes nothing`(_ request: String, _ status: String)
    async throws
  {
    try await with { page, path, port in
      let text = request.replacing("PATH", with: path).replacing("HOST\r\n", with: "Host: 127.0.0.1:PORT\r\n")
        .replacing("ORIGIN", with: "Origin: http://127.0.0.1:PORT")
        .replacing("TYPE", with: "Content-Type: application/x-www-form-urlencoded")
        .replacing("PORT", with: "\(port)")
      #expect(Self.status(await HTTPRequest.send(text, port: port)) == status)
      async let secret = page.secret()
      #expect(Self.status(await HTTPRequest.post(page.url, secret: "right")) == "200")
      #expect(await secret == Array("right".utf8))
    }
  }

  @Test func `a page that was closed is gone, and its waiter is told`() async throws {
    try await with { page, _, _ in
      let waiter = Task { await page.secret() }
      page.close()
      #expect(await waiter.value == nil)
      let url = page.url
      try await withDeadline(.seconds(10), "the end of the page") {
        while await HTTPRequest.get(url)?.isEmpty == false { try await Task.sleep(for: .milliseconds(10)) }
      }
    }
  }

  @Test func `a cancelled waiter closes the page`() async throws {
    try await with { page, _, _ in
      let waiter = Task { await page.secret() }
      waiter.cancel()
      #expect(await waiter.value == nil)
      let url = page.url
      try await withDeadline(.seconds(10), "the end of the page") {
        while await HTTPRequest.get(url)?.isEmpty == false { try await Task.sleep(for: .milliseconds(10)) }
      }
    }
  }

  @Test func `no two pages have the same path`() throws {
    let reactor = try Reactor()
    defer { reactor.stop() }
    let pages = try (0..<8).map { _ in try LoopbackPage(Self.words, reactor: reactor) }
    #expect(Set(pages.compactMap { HTTPRequest.parts($0.url)?.path }).count == 8)
    for page in pages { page.close() }
  }
}
