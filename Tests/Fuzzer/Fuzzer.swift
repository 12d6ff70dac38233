import Foundation
import Fuzzing

// libFuzzer has `main` and calls this; scripts/fuzz builds it with the coverage that libFuzzer needs and names the
// target in SSH_MCP_FUZZ_TARGET.

private let target = FuzzTarget.all.first {
  $0.name == ProcessInfo.processInfo.environment["SSH_MCP_FUZZ_TARGET"]
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  guard let target else { stop("SSH_MCP_FUZZ_TARGET is one of \(FuzzTarget.all.map(\.name))") }
  if let violation = target.violation(Array(UnsafeBufferPointer(start: bytes, count: size))) {
    stop("property broken: \(violation)")
  }
  return 0
}

private func stop(_ text: String) -> Never {
  FileHandle.standardError.write(Data("\(text)\n".utf8))
  abort()
}
