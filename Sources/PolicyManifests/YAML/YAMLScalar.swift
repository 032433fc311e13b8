/// A scalar as the API server's YAML 1.1 reader understands it.
enum YAMLScalar: Equatable {
  /// `~`, `null` or nothing.
  case null
  /// `true`, `yes`, `on`, `y` and their opposites.
  case boolean(Bool)
  /// A whole number.
  case integer(Int)
  /// A number with a fraction or exponent, or too large for `Int`; finite.
  case number(Double)
  /// Anything else.
  case string(String)

  /// Reads an unquoted scalar.
  ///
  /// Dates and sexagesimal numbers stay text, as they do in Kubernetes.
  init(plain text: String) {
    if YAMLScalar.isPlainlyText(text) {
      self = .string(text)
      return
    }
    switch text {
    case "", "~", "null", "Null", "NULL": self = .null
    case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE":
      self = .boolean(true)
    case "n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE":
      self = .boolean(false)
    default: self = YAMLScalar.number(text) ?? .string(text)
    }
  }

  /// Whether an unquoted scalar is null.
  static func isNull(_ text: String) -> Bool {
    switch text {
    case "", "~", "null", "Null", "NULL": true
    default: false
    }
  }

  /// Whether an unquoted scalar cannot be anything but text, told by how it starts.
  static func isPlainlyText(_ text: String) -> Bool {
    guard let first = text.utf8.first else { return false }
    switch first {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
      // true, false, yes, no, on, off, null and their short forms have five letters at most.
      return text.utf8.count > 5
        || !"yntfoYNTFO".utf8.contains(first)
    case UInt8(ascii: "/"), UInt8(ascii: "_"): return true
    default: return false
    }
  }

  /// What it is, for error messages.
  var kindName: String {
    switch self {
    case .null: "null"
    case .boolean: "a boolean"
    case .integer, .number: "a number"
    case .string: "a string"
    }
  }

  private static func number(_ text: String) -> YAMLScalar? {
    let bytes = Array(text.utf8).filter { $0 != UInt8(ascii: "_") }
    guard let first = text.utf8.first, first != UInt8(ascii: "_") else { return nil }
    let negative = first == UInt8(ascii: "-")
    let body = negative || first == UInt8(ascii: "+") ? bytes.dropFirst() : bytes[...]
    guard let lead = body.first, 0x30...0x39 ~= lead || lead == UInt8(ascii: ".") else {
      return nil
    }
    let digits = String(decoding: body, as: UTF8.self)
    if lead == UInt8(ascii: "0"), digits.utf8.count > 1 {
      let prefix = digits.prefix(2).lowercased()
      let radix = ["0x": 16, "0b": 2, "0o": 8][prefix]
      let tail = digits.dropFirst(2)
      if let radix, tail.allSatisfy(\.isHexDigit) {
        return Int(tail, radix: radix).map { .integer(negative ? 0 - $0 : $0) }
      }
      if let octal = Int(digits, radix: 8) { return .integer(negative ? 0 - octal : octal) }
    }
    let allowed = Set("0123456789.eE+-".utf8)
    guard body.allSatisfy(allowed.contains), body.contains(where: { 0x30...0x39 ~= $0 }) else {
      return nil
    }
    if body.allSatisfy({ 0x30...0x39 ~= $0 }), let value = Int(digits) {
      return .integer(negative ? 0 - value : value)
    }
    // Swift's reader wants a digit on both sides of the point.
    var padded = digits.hasPrefix(".") ? "0" + digits : digits
    if padded.hasSuffix(".") { padded += "0" }
    guard let value = Double(padded), value.isFinite else { return nil }
    return .number(negative ? -value : value)
  }
}
