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

  /// Opens an envelope; a value that is none comes back as the only object.
  ///
  /// Source: shapes of `filter-log-events`, `get-log-events`, Logs Insights, subscriptions, Firehose and
  /// Pub/Sub.
  static func open(_ value: JSONValue) -> CloudEnvelope {
    if let list = value.array { return .objects(list) }
    guard value.object != nil else { return .unreadable("not a JSON object") }
    if value["awslogs"]?["data"] != nil {
      return .unreadable(
        "packed subscription record; unpack it with: jq -r .awslogs.data FILE | base64 -d | gunzip"
      )
    }
    if value["messageType"]?.string == "CONTROL_MESSAGE" { return .control }
    if value["message"]?["data"] != nil || value["receivedMessages"] != nil {
      return .unreadable(
        "packed Pub/Sub message; unpack it with: jq -r '.message.data' FILE | base64 -d"
      )
    }
    if let events = value.first("logEvents", "events")?.array { return messages(of: events) }
    if let results = value["results"]?.array { return rows(results) }
    for key in ["message", "@message", "log"] {
      if let text = value[key]?.string {
        return .messages([(text, time(value))])
      }
    }
    return .objects([value])
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
