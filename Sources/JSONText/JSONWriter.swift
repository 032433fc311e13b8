/// Writes JSON text (RFC 8259) from trees.
package enum JSONWriter {
  /// The shortest text of a value; members in the order given.
  package static func text(_ value: JSONValue) -> String {
    var output = ""
    append(value, to: &output)
    return output
  }

  /// Appends the shortest text of an object of strings as UTF-8.
  ///
  /// - Parameters:
  ///   - count: The number of its members.
  ///   - member: The member at a place, in the order in which they are to stand. Asked for one by one: a sequence of
  ///     another module took most of the time that new endpoints took to store.
  package static func append(
    strings count: Int,
    to output: inout [UInt8],
    member: (Int) -> (key: String, value: String)
  ) {
    output.append(UInt8(ascii: "{"))
    for index in 0..<count {
      let (key, value) = member(index)
      if index > 0 { output.append(UInt8(ascii: ",")) }
      append(string: key, to: &output)
      output.append(UInt8(ascii: ":"))
      append(string: value, to: &output)
    }
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
    // Eight bytes at a time; looking at scalars took a hundred times as long. The span lives as long as the text.
    let bytes = unsafe text.utf8Span.span.bytes
    var offset = 0
    while offset + 8 <= bytes.byteCount {
      // Any eight bytes are a number.
      let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
      guard JSONPlainText.stops(in: word) == 0 else { return false }
      offset += 8
    }
    // Blanks stand for the bytes that are not there.
    var rest: UInt64 = 0x2020_2020_2020_2020
    while offset < bytes.byteCount {
      // Any byte is a number.
      rest = rest << 8 | UInt64(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
      offset += 1
    }
    return JSONPlainText.stops(in: rest) == 0
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
