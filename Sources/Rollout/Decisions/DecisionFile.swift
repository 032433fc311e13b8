import FlowModel
package import JSONText

/// What is wrong with a decisions file; nothing of such a file is used.
package struct DecisionFileError: Error, Hashable, Sendable {
  /// One fault.
  package struct Problem: Hashable, Sendable {
    /// Where: `decisions[3].source`, counted from 0.
    package var position: String
    /// The line where the entry begins, from 1; nil when the caller gave no lines.
    package var line: Int?
    /// What.
    package var text: String
  }

  /// The faults in the order of the file; never empty.
  package var problems: [Problem]
}

extension DecisionFileError: CustomStringConvertible {
  /// One line a fault: `line 7: decisions[1].source: ...`.
  package var description: String {
    problems.map { problem in
      (problem.line.map { "line \($0): " } ?? "") + "\(problem.position): \(problem.text)"
    }.joined(separator: "\n")
  }
}

/// Decisions as a YAML file to keep in git.
package enum DecisionFile {
  /// The version of the format.
  package static let version = 1

  /// Writes decisions, sorted by key and time, so that a diff shows only what changed.
  package static func write(_ decisions: some Sequence<ReviewDecision>) -> String {
    let sorted = decisions.sorted {
      $0.key != $1.key ? $0.key < $1.key : $0.time < $1.time
    }
    var text = "version: \(version)\ndecisions:"
    if sorted.isEmpty { return text + " []\n" }
    text += "\n"
    for decision in sorted {
      let key = decision.key
      text += "- decision: \(decision.verdict.rawValue)\n"
      text += "  source: \(YAMLText.quoted(key.source.description))\n"
      text += "  destination: \(YAMLText.quoted(key.destination.description))\n"
      text += "  protocol: \(YAMLText.quoted(key.transport.description))\n"
      text += "  port: \(key.port)\n"
      text += "  reason: \(YAMLText.quoted(decision.reason))\n"
      text += "  by: \(YAMLText.quoted(decision.who))\n"
      text += "  at: \(YAMLText.quoted(Timestamps.text(decision.time, fraction: true)))\n"
      if let until = decision.until {
        text += "  until: \(YAMLText.quoted(Timestamps.text(until, fraction: true)))\n"
      }
    }
    return text
  }

  /// Reads what ``write(_:)`` wrote or a person edited.
  ///
  /// - Parameters:
  ///   - value: The file as a value, keys in order.
  ///   - lines: The lines on which the entries of `decisions` begin, where the caller knows them.
  ///   - isKnown: Whether a workload exists now or was seen; asked for ``DecisionEnd/workload`` and
  ///     ``DecisionEnd/pods`` only.
  /// - Returns: In the order of the file.
  /// - Throws: ``DecisionFileError`` with every fault of the file.
  package static func read(
    _ value: JSONValue,
    lines: [Int] = [],
    isKnown: (DecisionEnd) -> Bool
  ) throws(DecisionFileError) -> [ReviewDecision] {
    var reader = DecisionReader(lines: lines)
    let decisions = reader.read(value, isKnown: isKnown)
    guard reader.problems.isEmpty else { throw DecisionFileError(problems: reader.problems) }
    return decisions
  }
}

/// Reads entries and collects what is wrong with them.
private struct DecisionReader {
  let lines: [Int]
  var problems: [DecisionFileError.Problem] = []
  var entry: Int?

  init(lines: [Int]) { self.lines = lines }

  private static let keys: Set = [
    "decision", "source", "destination", "protocol", "port", "reason", "by", "at", "until",
  ]

  mutating func read(_ value: JSONValue, isKnown: (DecisionEnd) -> Bool) -> [ReviewDecision] {
    guard let top = value.object else {
      report("", "not a decisions file: no mapping")
      return []
    }
    for member in top.members where member.key != "version" && member.key != "decisions" {
      report(member.key, "unknown key")
    }
    guard top["version"]?.integer == Int64(DecisionFile.version) else {
      report("version", "must be \(DecisionFile.version)")
      return []
    }
    guard let entries = top["decisions"]?.array else {
      report("decisions", "must be a list")
      return []
    }
    var decisions: [ReviewDecision] = []
    var places: [Duplicate: Int] = [:]
    for (index, value) in entries.enumerated() {
      entry = index
      guard let decision = readEntry(value, isKnown: isKnown) else { continue }
      let duplicate = Duplicate(key: decision.key, time: decision.time)
      if let first = places[duplicate] {
        report("", "the same connection at the same time as decisions[\(first)]")
      } else {
        places[duplicate] = index
        decisions.append(decision)
      }
    }
    return decisions
  }

  private struct Duplicate: Hashable {
    var key: DecisionKey
    var time: Int64
  }

  private mutating func readEntry(
    _ value: JSONValue,
    isKnown: (DecisionEnd) -> Bool
  ) -> ReviewDecision? {
    guard let object = value.object else {
      report("", "must be a mapping")
      return nil
    }
    let before = problems.count
    var seen: Set<String> = []
    for member in object.members {
      if !DecisionReader.keys.contains(member.key) { report(member.key, "unknown key") }
      if !seen.insert(member.key).inserted { report(member.key, "given twice") }
    }
    let verdict = required(object, "decision", "accept, reject or undo") {
      $0.string.flatMap(ReviewDecision.Verdict.init(rawValue:))
    }
    let source = end(object, "source", isKnown: isKnown)
    let destination = end(object, "destination", isKnown: isKnown)
    let transport = required(object, "protocol", "a protocol such as TCP") { value in
      (value.string ?? value.integer.map { String($0) }).flatMap { TransportProtocol($0) }
    }
    let port = required(object, "port", "a number from 0 to 65535") { value in
      value.integer.flatMap { UInt16(exactly: $0) }
    }
    let reason = required(object, "reason", "a text") { $0.string }
    let who = required(object, "by", "a name") { $0.string.flatMap { $0.isEmpty ? nil : $0 } }
    let time = required(object, "at", "a time such as 2026-11-09T00:00:00Z") {
      $0.string.flatMap { Timestamps.parse($0) }
    }
    var until: Int64?
    if object["until"] != nil {
      until = required(object, "until", "a time such as 2026-11-09T00:00:00Z") {
        $0.string.flatMap { Timestamps.parse($0) }
      }
      if let until, let time, until <= time { report("until", "is not after `at`") }
    }
    guard problems.count == before, let verdict, let source, let destination, let transport,
      let port, let reason, let who, let time
    else { return nil }
    let key = DecisionKey(
      source: source,
      destination: destination,
      transport: transport,
      port: port
    )
    return ReviewDecision(verdict, key, reason: reason, who: who, time: time, until: until)
  }

  private mutating func end(
    _ object: JSONObject,
    _ key: String,
    isKnown: (DecisionEnd) -> Bool
  ) -> DecisionEnd? {
    let end = required(object, key, "a workload such as app-prod/Deployment/web, or a peer") {
      $0.string.flatMap { DecisionEnd(text: $0) }
    }
    switch end {
    case .workload, .pods:
      if let end, !isKnown(end) {
        report(key, "unknown workload \(end)")
        return nil
      }
      return end
    default: return end
    }
  }

  private mutating func required<Value>(
    _ object: JSONObject,
    _ key: String,
    _ expected: String,
    _ read: (JSONValue) -> Value?
  ) -> Value? {
    guard let value = object[key] else {
      report(key, "is missing")
      return nil
    }
    guard let result = read(value) else {
      report(key, "must be \(expected)")
      return nil
    }
    return result
  }

  private mutating func report(_ key: String, _ text: String) {
    var position = key.isEmpty ? "file" : key
    var line: Int?
    if let entry {
      position = "decisions[\(entry)]" + (key.isEmpty ? "" : ".\(key)")
      line = entry < lines.count ? lines[entry] : nil
    }
    problems.append(DecisionFileError.Problem(position: position, line: line, text: text))
  }
}
