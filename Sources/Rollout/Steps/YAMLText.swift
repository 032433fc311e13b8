/// Strings in YAML.
enum YAMLText {
  /// A double-quoted scalar, on one line and free of control characters whatever it holds.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        if isUnsafe(scalar) {
          let digits = String(scalar.value, radix: 16, uppercase: true)
          let width = scalar.value > 0xffff ? 8 : 4
          let padding = String(repeating: "0", count: max(0, width - digits.count))
          result += (width == 8 ? "\\U" : "\\u") + padding + digits
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }

  /// Control, format, surrogate-like, private and unassigned characters, and separators but the blank.
  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x7f { return scalar.value < 0x20 }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator, .spaceSeparator:
      return true
    default: return false
    }
  }
}

/// Words in shell scripts.
package enum ShellText {
  /// A word in single quotes that the shell reads as exactly this text.
  ///
  /// NUL cannot be part of a word and is left out.
  package static func quoted(_ text: String) -> String {
    var result = "'"
    for scalar in text.unicodeScalars where scalar != "\0" {
      if scalar == "'" { result += "'\\''" } else { result.unicodeScalars.append(scalar) }
    }
    return result + "'"
  }
}
