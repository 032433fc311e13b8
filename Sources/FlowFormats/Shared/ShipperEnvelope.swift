import FlowModel
package import JSONText

/// Takes away what log shippers put around a record.
///
/// Container runtimes, journald, Loki, Elasticsearch and cloud logging wrap a line in their own
/// prefix or JSON object. Each function takes away one layer; callers repeat it until the record is one of
/// their format's own, or nothing is left to take away.
package enum ShipperEnvelope {
  /// Members that hold the wrapped record as text (often escaped JSON), or as an object.
  static let payloadKeys = [
    "log", "message", "MESSAGE", "line", "body", "msg", "textPayload", "LogMessage", "LogEntry",
    "event",
  ]
  /// Members that hold the wrapped record as an object.
  static let objectKeys = ["_source", "jsonPayload", "json"]
  /// Members of the Elastic schema's own `log` and `event` objects, which hold no record.
  static let metadataKeys = ["file", "offset", "level", "dataset", "module", "original"]
  /// Members of OpenTelemetry's and Elastic's objects that hold the record as text.
  static let textKeys = ["stringValue", "original"]

  /// The JSON value inside an envelope, one layer at a time.
  ///
  /// - Parameter value: An object such as `{"log":"{…}\n","stream":"stdout"}` (Docker), `{"_source":{…}}`
  ///   (Elasticsearch), `{"line":"…"}` (Loki), `{"MESSAGE":"{…}"}` (journald).
  /// - Returns: The object or array inside; nil when there is no envelope that holds JSON.
  package static func unwrap(_ value: JSONValue) -> JSONValue? {
    guard case .object(let object) = value else { return nil }
    for key in objectKeys {
      if let inner = object[key], case .object = inner { return inner }
    }
    for key in payloadKeys {
      if let inner = object[key], let text = payloadText(inner), let parsed = parse(text) {
        return parsed
      }
    }
    for key in payloadKeys {
      guard let inner = object[key], case .object(let body) = inner, payloadText(inner) == nil,
        !metadataKeys.contains(where: { body[$0] != nil })
      else { continue }
      return inner
    }
    return nil
  }

  /// The text line inside an envelope, for logs whose records are not JSON.
  ///
  /// - Returns: The text without the line break at its end; nil when there is no member that holds text.
  package static func line(_ value: JSONValue) -> String? {
    guard case .object(let object) = value else { return nil }
    for key in payloadKeys {
      if let inner = object[key], let found = payloadText(inner) { return trimmed(found) }
    }
    for key in objectKeys {
      if let inner = object[key], let found = line(inner) { return found }
    }
    return nil
  }

  /// The time that an envelope gives its record, microseconds UTC; nil when it has none.
  ///
  /// Reads journald's microseconds, RFC 3339 texts, and Unix numbers, whose unit is told by their size.
  package static func time(_ value: JSONValue) -> Int64? {
    let keys = [
      "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP", "time", "timestamp", "@timestamp", "ts",
    ]
    for key in keys {
      guard let found = value[key] else { continue }
      if let text = found.string, let time = Timestamps.parse(text) { return time }
      if let number = found.integer, let time = microseconds(unix: number) { return time }
    }
    for key in objectKeys {
      if let inner = value[key], let time = time(inner) { return time }
    }
    return nil
  }

  /// Where the payload of a CRI log line starts: behind `2026-09-15T16:20:01.123456789Z stdout F `.
  ///
  /// - Returns: The offset of the payload; nil when the line has no such prefix.
  package static func criPayloadOffset(_ record: RawSpan) -> Int? {
    let count = record.byteCount
    // The shortest prefix: 2026-09-15T16:20:01Z stdout F
    guard count > 29, record.byte(at: 4) == UInt8(ascii: "-"),
      record.byte(at: 10) == UInt8(ascii: "T"), record.byte(at: 13) == UInt8(ascii: ":")
    else { return nil }
    var position = 0
    while position < min(count, 40), record.byte(at: position) != 0x20 { position += 1 }
    guard position + 8 <= count, record.byte(at: position) == 0x20,
      Timestamps.parse(bytes: record.extracting(0..<position)) != nil
    else { return nil }
    // The time, a blank, the stream, a blank.
    let stream = record.word(at: position)
    guard stream == 0x2074_756f_6474_7320 || stream == 0x2072_7265_6474_7320 else { return nil }
    position += 8
    // The tag is F (full) or P (partial), perhaps followed by more tags after colons.
    guard position < count,
      record.byte(at: position) == UInt8(ascii: "F")
        || record.byte(at: position) == UInt8(ascii: "P")
    else { return nil }
    while position < count, record.byte(at: position) != 0x20 { position += 1 }
    return position < count ? position + 1 : nil
  }

  /// A Unix time in seconds, milliseconds, microseconds or nanoseconds as microseconds UTC.
  ///
  /// - Returns: nil when it lies before 1970 or after the year 9999.
  package static func microseconds(unix number: Int64) -> Int64? {
    guard number >= 0 else { return nil }
    // Seconds reach 10^11 in the year 5138; milliseconds passed it in 1973, and so on.
    if number < 100_000_000_000 { return number * 1_000_000 }
    if number < 100_000_000_000_000 { return number * 1000 }
    if number < 100_000_000_000_000_000 { return number }
    return number / 1000
  }

  private static func parse(_ text: String) -> JSONValue? {
    let bytes = Array(text.utf8)
    let span = unsafe bytes.span.bytes
    let start = criPayloadOffset(span) ?? 0
    guard let parsed = try? JSONParser.parse(span.extracting(start..<span.byteCount)) else {
      return nil
    }
    switch parsed {
    case .object, .array: return parsed
    default: return nil
    }
  }

  /// The text of a member, or of OpenTelemetry's and Elastic's objects around it.
  private static func payloadText(_ value: JSONValue) -> String? {
    if let text = text(of: value) { return text }
    return textKeys.lazy.compactMap { value.first($0) }.first?.string
  }

  /// The text of a member; journald writes long or binary messages as an array of bytes.
  private static func text(of value: JSONValue) -> String? {
    switch value {
    case .string(let text): return text
    case .array(let numbers):
      var bytes: [UInt8] = []
      for number in numbers {
        guard case .number(let digits) = number, let byte = UInt8(digits) else { return nil }
        bytes.append(byte)
      }
      return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    default: return nil
    }
  }

  private static func trimmed(_ text: String) -> String {
    var text = Substring(text)
    while let last = text.unicodeScalars.last, last == "\n" || last == "\r" || last == " " {
      text.unicodeScalars.removeLast()
    }
    return String(text)
  }
}
