import Foundation
import TestSupport

/// Puts around records what log shippers do, in the usual ways and in odd ones.
struct EnvelopeGenerator {
  private var random: Seed

  init(_ seed: Seed) { random = seed }

  private mutating func number(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &random)
  }

  private mutating func chance(_ percent: Int) -> Bool { number(0...99) < percent }

  private mutating func word(_ choices: [String]) -> String {
    choices.randomElement(using: &random) ?? ""
  }

  /// A record in up to three layers, perhaps with blanks, perhaps damaged.
  mutating func line(_ record: String) -> String {
    var text = record
    if chance(25) { text = spaced(text) }
    for _ in 0..<word(["0", "1", "1", "1", "2", "3"]).utf8.reduce(0, { $0 + Int($1) - 48 }) {
      text = layer(text)
      if chance(10) { text = spaced(text) }
    }
    return chance(15) ? damaged(text) : text
  }

  /// The usual layers, which are taken away without a tree.
  static func usual(_ record: String) -> [String] {
    let text = quoted(record + "\n")
    return [
      "2026-11-02T00:00:01.001123456Z stdout F \(record)",
      "2026-11-02T00:00:01+01:00 stderr F \(record)",
      #"{"log":\#(text),"stream":"stdout","time":"2026-11-02T00:00:01.001Z"}"#,
      #"{"date":1793577601.5,"kubernetes":{"pod_name":"a"},"log":\#(text)}"#,
      #"{"date":1793577601.5,"log":\#(record),"stream":"stdout"}"#,
      #"{"@timestamp":"2026-11-02T00:00:01Z","log":{"offset":1,"file":{"path":"a"}},"message":\#(text),"event":{"dataset":"b"}}"#,
      #"{"labels":{"app":"a"},"line":\#(text),"timestamp":"2026-11-02T00:00:01Z"}"#,
      #"{"_index":"a-1","_id":"b","_score":1,"_source":\#(record)}"#,
      #"{"__REALTIME_TIMESTAMP":"1793577601000000","MESSAGE":\#(text),"_PID":"1"}"#,
      #"{"insertId":"a","jsonPayload":\#(record),"resource":{"type":"b"}}"#,
      #"{"textPayload":\#(text)}"#, #" {"event" : \#(record) } "#,
      #"{"log":\#(quoted("2026-11-02T00:00:01Z stdout F " + record))}"#,
      #"{"_source":{"message":\#(text)}}"#, #"{"log":\#(quoted(#"{"line":\#(text)}"#))}"#,
    ]
  }

  private mutating func layer(_ record: String) -> String {
    // Behind a line feed there may be more than the record.
    let more = chance(5) ? "\n" + word([record, "{}", "a"]) : word(["", "\n", "\r\n", " "])
    let text = EnvelopeGenerator.quoted(record + more)
    switch number(0...11) {
    case 0:
      return #"{"body":{"stringValue":\#(text)},"attributes":[]}"#
    case 1:
      return
        #"{"message":"\#(word(["", "a", "1", " ", "[1]", "{}", "{"]))","event":{"original":\#(text)}}"#
    case 2:
      let odd = word(["level", "file", "original", "module", "stringValue", "a"])
      return #"{"log":{"\#(odd)":1,"x":\#(record)},"message":\#(text)}"#
    case 3: return #"{"log":\#(text),"log":\#(EnvelopeGenerator.quoted(word(["{}", "a"])))}"#
    case 4: return #"{"json":\#(record),"_source":\#(word(["1", "null", "{}"]))}"#
    case 5: return #"{"MESSAGE":[\#(record.utf8.map(String.init).joined(separator: ","))]}"#
    case 6: return "2026-11-02T00:00:01Z stdout P \(record)"
    case 7:
      let key = word(["log", "msg", "body", "event", "LogEntry", "jsonPayload", "other"])
      return #"{"\#(key)":\#(chance(50) ? record : text),"line":\#(word(["{}", "1", #""x""#]))}"#
    case 8: return #"{"a":1,\#(record.dropFirst())"#
    default: return word(EnvelopeGenerator.usual(record))
    }
  }

  /// A JSON string.
  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case "<": quoted += "\\u003c"
      case "/": quoted += "\\/"
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  /// The text with white space between tokens, and now and then inside of one.
  private mutating func spaced(_ text: String) -> String {
    var out = ""
    var isInString = false
    var isEscaped = false
    let density = number(2...60)
    for character in text.unicodeScalars {
      let isToken = "{}[],:\"".unicodeScalars.contains(character)
      if !isInString, isToken ? chance(density) : number(0...999) == 0 {
        out += word([" ", "  ", "\t", "\r"])
      }
      out.unicodeScalars.append(character)
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if character == "\\" {
          isEscaped = true
        } else if character == "\"" {
          isInString = false
        }
      } else if character == "\"" {
        isInString = true
      }
    }
    return out
  }

  private mutating func damaged(_ text: String) -> String {
    var bytes = Array(text.utf8)
    for _ in 0..<number(1...2) where bytes.count > 1 {
      let place = number(0...bytes.count - 1)
      switch number(0...4) {
      case 0: bytes[place] = UInt8(number(0x20...0x7e))
      case 1: bytes.remove(at: place)
      case 2: bytes.insert(UInt8(number(0x20...0x7e)), at: place)
      case 3: bytes[place] = UInt8(number(0x80...0xff))
      default: bytes.removeLast(bytes.count - max(1, place))
      }
    }
    return String(decoding: bytes, as: UTF8.self)
      .replacingOccurrences(of: "\n", with: " ")
  }
}
