import FlowModel

/// A document to be written, with its fields in the order in which they are to appear.
enum YAMLTree {
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
    var text = YAMLText()
    write(to: &text, indent: 0)
    return text.string
  }

  private func write(to text: inout YAMLText, indent: Int) {
    switch self {
    case .mapping(let fields):
      for (index, field) in fields.enumerated() {
        // The first field stands behind what precedes it: a margin or a sequence's dash.
        if index > 0 { text.add(margin: indent) }
        text.add(scalar: field.0)
        text.add(":")
        switch field.1 {
        case .mapping(let nested) where !nested.isEmpty:
          text.add("\n")
          text.add(margin: indent + 2)
          field.1.write(to: &text, indent: indent + 2)
        case .sequence(let items) where !items.isEmpty:
          text.add("\n")
          text.add(margin: indent)
          field.1.write(to: &text, indent: indent)
        default:
          text.add(" ")
          field.1.writeInline(to: &text)
          text.add("\n")
        }
      }
    case .sequence(let items):
      for (index, item) in items.enumerated() {
        if index > 0 { text.add(margin: indent) }
        text.add("- ")
        switch item {
        case .mapping(let nested) where !nested.isEmpty: item.write(to: &text, indent: indent + 2)
        case .sequence(let nested) where !nested.isEmpty: item.write(to: &text, indent: indent + 2)
        default:
          item.writeInline(to: &text)
          text.add("\n")
        }
      }
    default:
      writeInline(to: &text)
      text.add("\n")
    }
  }

  private func writeInline(to text: inout YAMLText) {
    if case .string(let value) = self { text.add(scalar: value) } else { text.add(inline) }
  }

  /// What is no text and stands on one line, in YAML and JSON alike.
  private var inline: String {
    switch self {
    case .mapping: "{}"
    case .sequence: "[]"
    case .string(let text): text
    case .integer(let value): "\(value)"
    case .number(let value): YAMLTree.text(value)
    case .boolean(let value): value ? "true" : "false"
    }
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
