/// Writes JSON text (RFC 8259) from trees.
package enum JSONWriter {
  /// The shortest text of a value; members in the order given.
  package static func text(_ value: JSONValue) -> String {
    var output = ""
    append(value, to: &output)
    return output
  }

  /// The shortest text of an object of strings; members in the order given.
  package static func text(ofStrings members: some Sequence<(key: String, value: String)>) -> String
  {
    var bytes: [UInt8] = []
    // Room for most sets of labels: growing by and by takes longer than writing.
    bytes.reserveCapacity(240)
    append(strings: members, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends the shortest text of an object of strings as UTF-8; members in the order given.
  package static func append(
    strings members: some Sequence<(key: String, value: String)>,
    to output: inout [UInt8]
  ) {
    var separator = UInt8(ascii: "{")
    for (key, value) in members {
      output.append(separator)
      append(string: key, to: &output)
      output.append(UInt8(ascii: ":"))
      append(string: value, to: &output)
      separator = UInt8(ascii: ",")
    }
    if separator == UInt8(ascii: "{") { output.append(separator) }
    output.append(UInt8(ascii: "}"))
  }

  private static func append(string text: String, to output: inout [UInt8]) {
    if isPlain(text) {
      output.append(UInt8(ascii: "\""))
      output.append(contentsOf: text.utf8)
      output.append(UInt8(ascii: "\""))
    } else {
      var quoted = ""
      appendString(text, to: &quoted)
      output.append(contentsOf: quoted.utf8)
    }
  }

  /// Whether a text stands for itself between quotes, as nearly every one does.
  private static func isPlain(_ text: String) -> Bool {
    // Looking at bytes is ten times faster than at scalars.
    let bytes = text.utf8Span.span
    for index in bytes.indices {
      let byte = bytes[index]
      guard 0x20...0x7e ~= byte, byte != 0x22, byte != 0x5c else { return false }
    }
    return true
  }

  /// Text indented by two spaces, for people; ends without a line feed.
  package static func prettyText(_ value: JSONValue) -> String {
    var output = ""
    appendPretty(value, indent: "", to: &output)
    return output
  }

  private static func append(_ value: JSONValue, to output: inout String) {
    switch value {
    case .array(let elements):
      output += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { output += "," }
        append(element, to: &output)
      }
      output += "]"
    case .object(let object):
      output += "{"
      for (index, member) in object.members.enumerated() {
        if index > 0 { output += "," }
        appendString(member.key, to: &output)
        output += ":"
        append(member.value, to: &output)
      }
      output += "}"
    default: appendScalar(value, to: &output)
    }
  }

  private static func appendPretty(_ value: JSONValue, indent: String, to output: inout String) {
    let inner = indent + "  "
    switch value {
    case .array(let elements) where !elements.isEmpty:
      output += "[\n"
      for (index, element) in elements.enumerated() {
        output += inner
        appendPretty(element, indent: inner, to: &output)
        output += index + 1 < elements.count ? ",\n" : "\n"
      }
      output += indent + "]"
    case .object(let object) where !object.members.isEmpty:
      output += "{\n"
      for (index, member) in object.members.enumerated() {
        output += inner
        appendString(member.key, to: &output)
        output += ": "
        appendPretty(member.value, indent: inner, to: &output)
        output += index + 1 < object.members.count ? ",\n" : "\n"
      }
      output += indent + "}"
    default: append(value, to: &output)
    }
  }

  private static func appendScalar(_ value: JSONValue, to output: inout String) {
    switch value {
    case .bool(let flag): output += flag ? "true" : "false"
    case .number(let digits): output += digits
    case .string(let text): appendString(text, to: &output)
    default: output += "null"
    }
  }

  private static func appendString(_ text: String, to output: inout String) {
    output += "\""
    if isPlain(text) {
      output += text
      output += "\""
      return
    }
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      // What steers a terminal or turns the direction of text.
      case "\u{0}"..<" ", "\u{7f}"..."\u{9f}", "\u{200e}", "\u{200f}", "\u{2028}"..."\u{202e}",
        "\u{2066}"..."\u{2069}":
        let digits = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: output.unicodeScalars.append(scalar)
      }
    }
    output += "\""
  }
}
