/// YAML while it is being written.
struct YAMLText {
  private var bytes: [UInt8] = []

  /// What was written.
  var string: String { String(decoding: bytes, as: UTF8.self) }

  /// Adds text as it is.
  mutating func add(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// Adds spaces.
  mutating func add(margin: Int) {
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: margin))
  }

  /// Adds text as a scalar that every YAML reader takes for a string: plain where that is certain, else
  /// in double quotes.
  mutating func add(scalar text: String) {
    let start = bytes.count
    add(text)
    guard !isPlain(text, from: start) else { return }
    bytes.removeSubrange(start...)
    add(YAMLText.quoted(text))
  }

  /// Whether text may stand without quotes; it has been added at an offset.
  private func isPlain(_ text: String, from start: Int) -> Bool {
    let end = bytes.count
    guard end > start, end - start <= 500 else { return false }
    let (first, last) = (bytes[start], bytes[end - 1])
    let isDigit = 0x30...0x39 ~= first
    let isLetter = 0x41...0x5a ~= first || 0x61...0x7a ~= first
    guard isDigit || isLetter || first == UInt8(ascii: "/") || first == UInt8(ascii: "_"),
      last != UInt8(ascii: " "), last != UInt8(ascii: ":")
    else { return false }
    var previous = first
    for offset in start..<end {
      let byte = bytes[offset]
      guard 0x20...0x7e ~= byte else { return false }
      if previous == UInt8(ascii: ":"), byte == UInt8(ascii: " ") { return false }
      if previous == UInt8(ascii: " "), byte == UInt8(ascii: "#") { return false }
      previous = byte
    }
    if end - start <= YAMLText.longestReserved, YAMLText.reserved.contains(text.lowercased()) {
      return false
    }
    guard isDigit else { return true }
    // Anything made of what numbers, dates and sexagesimals are made of is quoted.
    return !bytes[start..<end].allSatisfy(YAMLText.numberBytes.contains)
  }

  private static let reserved: Set<String> = [
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf", "nan",
  ]
  private static let longestReserved = 5
  private static let numberBytes = Set("0123456789abcdefABCDEFxXoOtTzZ_.:+- ".utf8)

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\r": result += "\\r"
      case " "..."~": result.unicodeScalars.append(scalar)
      default:
        let hex = String(scalar.value, radix: 16)
        let width = scalar.value <= 0xff ? 2 : scalar.value <= 0xffff ? 4 : 8
        let sign = scalar.value <= 0xff ? "x" : scalar.value <= 0xffff ? "u" : "U"
        result += "\\\(sign)" + String(repeating: "0", count: width - hex.count) + hex
      }
    }
    return result + "\""
  }
}
