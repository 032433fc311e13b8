import FlowModel
import JSONText

/// What a JSON value of CloudWatch, Firehose, Pub/Sub or a bucket sink wraps.
enum CloudEnvelope {
  /// Log lines with the time of the event in microseconds where the envelope has one.
  case messages([(text: String, time: Int64?)])
  /// A record that is itself an object, or an object rebuilt from a query result.
  case objects([JSONValue])
  /// A message of the delivery itself.
  case control
  /// Something that is not read, with what to do instead.
  case unreadable(String)

  /// Members that hold a log line as text, best first.
  static let messageKeys = ["message", "@message", "log"]
  /// The other members by which ``open(_:inflate:)`` knows an envelope.
  static let otherKeys = [
    "awslogs", "messageType", "receivedMessages", "logEvents", "events", "results",
  ]

  /// Opens an envelope; a value that is none comes back as the only object.
  ///
  /// Source: shapes of `filter-log-events`, `get-log-events`, Logs Insights, subscriptions, Firehose and
  /// Pub/Sub.
  ///
  /// - Parameter inflate: Unpacks gzip, for what a subscription hands to a function.
  static func open(_ value: JSONValue, inflate: DecoderOptions.Inflate? = nil) -> CloudEnvelope {
    if let list = value.array { return .objects(list) }
    guard value.object != nil else { return .unreadable("not a JSON object") }
    if let data = value["awslogs"]?["data"] {
      guard let packed = data.string.flatMap({ Base64.decode($0) }),
        let bytes = inflate?(packed), let inner = try? unsafe JSONParser.parse(bytes.span.bytes)
      else { return .unreadable("field \"awslogs.data\" holds no gzip of JSON in base64") }
      // What was packed is not packed again.
      return open(inner)
    }
    if value["messageType"]?.string == "CONTROL_MESSAGE" { return .control }
    if let received = value["receivedMessages"]?.array { return pubSub(received) }
    if value["message"]?["data"] != nil { return pubSub([value]) }
    if let events = value.first("logEvents", "events")?.array { return messages(of: events) }
    if let results = value["results"]?.array { return rows(results) }
    for key in messageKeys {
      if let text = value[key]?.string {
        return .messages([(text, time(value))])
      }
    }
    return .objects([value])
  }

  /// The entries inside Pub/Sub messages.
  private static func pubSub(_ messages: [JSONValue]) -> CloudEnvelope {
    var objects: [JSONValue] = []
    for message in messages {
      guard let bytes = message["message"]?["data"]?.string.flatMap({ Base64.decode($0) }),
        let inner = try? unsafe JSONParser.parse(bytes.span.bytes)
      else { return .unreadable("field \"message.data\" holds no JSON in base64") }
      objects.append(inner)
    }
    return .objects(objects)
  }

  /// The text of the first Pub/Sub message in the start of a log, which may be cut; nil when there is none.
  static func pubSubText(in start: String) -> String? {
    guard start.hasPrefix("{") || start.hasPrefix("["), start.contains("\"message\""),
      let key = start.firstRange(of: "\"data\"")
    else { return nil }
    // A slash may be escaped in JSON.
    let data = start[key.upperBound...].utf8.drop { $0 != UInt8(ascii: "\"") }.dropFirst()
      .prefix { $0 != UInt8(ascii: "\"") }.filter { $0 != UInt8(ascii: "\\") }
    let whole = data.count / 4 * 4
    return Base64.decode(String(decoding: data.prefix(whole), as: UTF8.self)).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  private static func messages(of events: [JSONValue]) -> CloudEnvelope {
    var messages: [(text: String, time: Int64?)] = []
    for event in events {
      guard let text = event["message"]?.string else {
        return .unreadable("log event without field \"message\"")
      }
      messages.append((text, time(event)))
    }
    return .messages(messages)
  }

  /// Rows of a Logs Insights result: the raw message where it was asked for, else the named fields.
  private static func rows(_ rows: [JSONValue]) -> CloudEnvelope {
    var messages: [(text: String, time: Int64?)] = []
    var objects: [JSONValue] = []
    for row in rows {
      var members: [(key: String, value: JSONValue)] = []
      for cell in row.array ?? [] {
        guard let name = cell["field"]?.string, let value = cell["value"] else { continue }
        members.append((key: name, value: value))
      }
      let object = JSONValue.object(JSONObject(members))
      if let text = object["@message"]?.string {
        messages.append((text, time(object)))
      } else {
        objects.append(object)
      }
    }
    return objects.isEmpty ? .messages(messages) : .objects(objects)
  }

  /// The time of an event: milliseconds, or text.
  private static func time(_ event: JSONValue) -> Int64? {
    guard let value = event.first("timestamp", "@timestamp", "time") else { return nil }
    if let milliseconds = value.integer {
      return CloudTime.microseconds(fromMilliseconds: milliseconds)
    }
    guard let text = value.string else { return nil }
    return CloudTime.parse(text)
  }
}

/// Times as cloud logs write them.
enum CloudTime {
  /// No record is later than this (year 3000): larger numbers are in another unit.
  static let maximumSeconds: Int64 = 32_503_680_000

  /// Seconds since 1970 as microseconds, nil when no plausible time.
  static func microseconds(fromSeconds seconds: Int64) -> Int64? {
    guard seconds >= 0, seconds <= maximumSeconds else { return nil }
    return seconds * Timestamps.second
  }

  /// Milliseconds since 1970 as microseconds, nil when no plausible time.
  static func microseconds(fromMilliseconds milliseconds: Int64) -> Int64? {
    guard milliseconds >= 0, milliseconds / 1000 <= maximumSeconds else { return nil }
    return milliseconds * 1000
  }

  /// RFC 3339, or the same without an offset (Logs Insights), which is UTC; nil before 1970.
  static func parse(_ text: String) -> Int64? {
    guard let time = Timestamps.parse(text) ?? Timestamps.parse(text + "Z"), time >= 0 else {
      return nil
    }
    return time
  }
}

extension RawSpan {
  /// Calls `body` for every JSON value of a record: one, or several written one after the other.
  ///
  /// - Throws: ``JSONError`` at the first text that is not JSON; the values before it were handed over.
  func forEachJSONValue(_ body: (JSONValue) -> Void) throws(JSONError) {
    let range = trimmedRange()
    let part = extracting(range)
    var position = 0
    repeat {
      let value = try JSONParser.parsePrefix(part, from: &position)
      body(value)
      while position < part.byteCount, RawSpan.isBlank(part.byte(at: position)) { position += 1 }
    } while position < part.byteCount
  }
}
