/// A name that nobody can guess.
enum RandomToken {
  /// 256 random bits in 64 hexadecimal digits; they mean nothing outside this process.
  static func make() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<4).map { _ in
      let digits = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
