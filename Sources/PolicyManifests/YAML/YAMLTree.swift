import FlowModel

/// A document to be written, with its fields in the order in which they are to appear.
indirect enum YAMLTree {
  /// Fields, keys unique.
  case mapping([(String, YAMLTree)])
  /// Members.
  case sequence([YAMLTree])
  /// Text, whatever it looks like.
  case string(String)
  /// A whole number.
  case integer(Int)
  /// A number; finite.
  case number(Double)
  /// A truth value.
  case boolean(Bool)

  /// A mapping of strings, by key.
  static func strings(_ labels: Labels) -> YAMLTree {
    .mapping(labels.elements.map { ($0.key, .string($0.value)) })
  }

  /// A sequence of strings.
  static func strings(_ values: [String]) -> YAMLTree {
    .sequence(values.map(YAMLTree.string))
  }

  /// Whether it is an empty mapping.
  var isEmptyMapping: Bool {
    if case .mapping(let fields) = self { return fields.isEmpty }
    return false
  }

  /// The number as both YAML 1.1 and JSON read it: whole where it is whole, always with a point
  /// before an exponent.
  fileprivate static func text(_ number: Double) -> String {
    if let whole = Int(exactly: number) { return "\(whole)" }
    let text = "\(number)"
    guard let exponent = text.firstIndex(of: "e"), !text.contains(".") else { return text }
    return "\(text[..<exponent]).0\(text[exponent...])"
  }
}

// MARK: - YAML

extension YAMLTree {
  /// The tree as block YAML, indented by two, with sequences at the indentation of their key.
  var yaml: String {
    var text = ""
    write(to: &text, indent: 0)
    return text
  }

  private func write(to text: inout String, indent: Int) {
    let margin = String(repeating: " ", count: indent)
    switch self {
    case .mapping(let fields):
      for (index, field) in fields.enumerated() {
        // The first field stands behind what precedes it: a margin or a sequence's dash.
        if index > 0 { text += margin }
        text += YAMLTree.scalar(field.0) + ":"
        switch field.1 {
        case .mapping(let nested) where !nested.isEmpty:
          text += "\n" + margin + "  "
          field.1.write(to: &text, indent: indent + 2)
        case .sequence(let items) where !items.isEmpty:
          text += "\n" + margin
          field.1.write(to: &text, indent: indent)
        default: text += " " + field.1.inline + "\n"
        }
      }
    case .sequence(let items):
      for (index, item) in items.enumerated() {
        if index > 0 { text += margin }
        text += "- "
        switch item {
        case .mapping(let nested) where !nested.isEmpty: item.write(to: &text, indent: indent + 2)
        case .sequence(let nested) where !nested.isEmpty: item.write(to: &text, indent: indent + 2)
        default: text += item.inline + "\n"
        }
      }
    default: text += inline + "\n"
    }
  }

  private var inline: String {
    switch self {
    case .mapping: "{}"
    case .sequence: "[]"
    case .string(let text): YAMLTree.scalar(text)
    case .integer(let value): "\(value)"
    case .number(let value): YAMLTree.text(value)
    case .boolean(let value): value ? "true" : "false"
    }
  }

  /// Text as a scalar that every YAML reader takes for a string: plain where that is certain, else
  /// in double quotes.
  static func scalar(_ text: String) -> String { isPlain(text) ? text : quoted(text) }

  private static func isPlain(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, let last = bytes.last, bytes.count <= 500 else { return false }
    let isDigit = 0x30...0x39 ~= first
    let isLetter = 0x41...0x5a ~= first || 0x61...0x7a ~= first
    guard isDigit || isLetter || first == UInt8(ascii: "/") || first == UInt8(ascii: "_"),
      last != UInt8(ascii: " "), last != UInt8(ascii: ":"),
      bytes.allSatisfy({ 0x20...0x7e ~= $0 })
    else { return false }
    for (byte, next) in zip(bytes, bytes.dropFirst()) {
      if byte == UInt8(ascii: ":"), next == UInt8(ascii: " ") { return false }
      if byte == UInt8(ascii: " "), next == UInt8(ascii: "#") { return false }
    }
    if reserved.contains(text.lowercased()) { return false }
    guard isDigit else { return true }
    // Anything made of what numbers, dates and sexagesimals are made of is quoted.
    return !bytes.allSatisfy(numberBytes.contains)
  }

  private static let reserved: Set<String> = [
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf", "nan",
  ]
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

// MARK: - JSON

extension YAMLTree {
  /// The tree as JSON, indented by two.
  var json: String {
    var text = ""
    writeJSON(to: &text, indent: 0)
    return text + "\n"
  }

  private func writeJSON(to text: inout String, indent: Int) {
    let margin = "\n" + String(repeating: " ", count: indent)
    switch self {
    case .mapping(let fields) where !fields.isEmpty:
      text += "{"
      for (index, field) in fields.enumerated() {
        text += (index > 0 ? "," : "") + margin + "  " + YAMLTree.jsonString(field.0) + ": "
        field.1.writeJSON(to: &text, indent: indent + 2)
      }
      text += margin + "}"
    case .sequence(let items) where !items.isEmpty:
      text += "["
      for (index, item) in items.enumerated() {
        text += (index > 0 ? "," : "") + margin + "  "
        item.writeJSON(to: &text, indent: indent + 2)
      }
      text += margin + "]"
    case .string(let value): text += YAMLTree.jsonString(value)
    default: text += inline
    }
  }

  private static func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      // YAML readers do not take pairs of escapes, so what needs a pair stands for itself.
      case " "..."~", "\u{10000}"...: result.unicodeScalars.append(scalar)
      default:
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      }
    }
    return result + "\""
  }
}
