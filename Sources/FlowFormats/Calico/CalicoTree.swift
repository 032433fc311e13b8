import FlowModel
import JSONText

/// Reads Calico records from JSON trees: files, Whisker and Goldmane, with whatever wraps them.
enum CalicoTree {
  /// Members by one of which ``read(_:)`` knows that an object is no envelope.
  static let recordKeys = [
    "Key", "key", "flow", "source_name_aggr", "dest_name_aggr", "source_name", "sourceName",
    "dest_name",
    "destName", "hits", "items", "flows",
  ]

  /// What one JSON value turned out to be.
  enum Content {
    /// A flow.
    case flow(CalicoRecord)
    /// Several values, each to be read by itself.
    case list([JSONValue])
    /// Something around another value.
    case envelope(JSONValue)
    /// No Calico record; what is wrong.
    case unreadable(String)
  }

  /// Reads one value, one layer of wrapping at a time.
  static func read(_ value: JSONValue) -> Content {
    switch value {
    case .array(let elements): return .list(elements)
    case .object: break
    default: return .unreadable("not a JSON object")
    }
    if let key = value.first("Key", "key"), key.first("source_name", "sourceName") != nil {
      return record(Fields(first: key, second: value), dialect: .goldmane)
    }
    if let flow = value["flow"], flow.first("Key", "key")?.object != nil {
      return .envelope(flow)
    }
    let fields = Fields(first: value, second: nil)
    if fields["source_name_aggr"] != nil || fields["dest_name_aggr"] != nil {
      return record(fields, dialect: .file)
    }
    if fields["source_name", "sourceName"] != nil, fields["dest_name", "destName"] != nil {
      let isWhisker = fields["protocol"] != nil
      return record(fields, dialect: isWhisker ? .whisker : .file)
    }
    if let hits = value["hits"]?["hits"]?.array { return .list(hits) }
    if let items = (value["items"] ?? value["flows"])?.array { return .list(items) }
    if let inner = ShipperEnvelope.unwrap(value) { return .envelope(inner) }
    return .unreadable("not a Calico flow: field \"source_name\" is missing")
  }

  /// The members of a record; Goldmane spreads them over two objects.
  private struct Fields {
    var first: JSONValue
    var second: JSONValue?

    /// The first of several spellings that is present and not null.
    subscript(names: String...) -> JSONValue? {
      for name in names {
        if let found = first[name], found != .null { return found }
        if let found = second?[name], found != .null { return found }
      }
      return nil
    }

    /// A string that says something: not empty, `-` (not included) or `*` (aggregated).
    func text(_ snake: String, _ camel: String) -> String {
      self[snake, camel]?.string.map(CalicoTree.meaning) ?? ""
    }
  }

  /// A text without the placeholders `-` (not included) and `*` (aggregated).
  static func meaning(_ text: String) -> String {
    text == "-" || text == "*" ? "" : text
  }

  /// The name of a cluster; central storage of a single one writes the word itself, which names nothing.
  static func clusterName(_ text: String) -> String {
    text == "cluster" ? "" : meaning(text)
  }

  private static func record(_ fields: Fields, dialect: CalicoRecord.Dialect) -> Content {
    var record = CalicoRecord()
    record.dialect = dialect
    for name in ["reporter", "action"] where dialect != .goldmane && fields[name] == nil {
      return .unreadable("field \"\(name)\" is missing")
    }
    record.reporter = enumeration(
      fields["reporter"],
      word: CalicoRecord.Reporter.init(word:),
      number: CalicoRecord.Reporter.init(number:)
    )
    record.action = enumeration(
      fields["action"],
      word: CalicoRecord.Action.init(word:),
      number: CalicoRecord.Action.init(number:)
    )
    if let given = fields["proto", "protocol"] {
      switch given {
      case .string(let text) where text != "-" && !text.isEmpty:
        record.hasProtocol = true
        record.transport = TransportProtocol(text)
      case .number(let digits):
        record.hasProtocol = true
        record.transport = TransportProtocol(digits)
      default: break
      }
    }
    if let given = fields["dest_port", "destPort"]?.integer {
      guard let port = UInt16(exactly: given) else {
        return .unreadable("field \"dest_port\" is not a port")
      }
      record.port = port
    }
    record.source = end(fields, "source", isDestination: false)
    record.destination = end(fields, "dest", isDestination: true)
    record.policies = CalicoPolicies(fields["policies"])
    record.start = time(fields["start_time", "startTime"] ?? fields["@timestamp"])
    record.end = time(fields["end_time", "endTime"])
    readCounters(fields, into: &record)
    record.cluster = clusterName(fields["cluster"]?.string ?? "")
    return .flow(record)
  }

  private static func enumeration<Value>(
    _ value: JSONValue?,
    word: (String) -> Value,
    number: (Int64) -> Value
  ) -> Value {
    guard let text = value?.string else { return number(value?.integer ?? 0) }
    return word(text)
  }

  private static func time(_ value: JSONValue?) -> Int64? {
    if let number = value?.integer { return ShipperEnvelope.microseconds(unix: number) }
    return value?.string.flatMap { Timestamps.parse($0) }
  }

  private static func readCounters(_ fields: Fields, into record: inout CalicoRecord) {
    // Protobuf leaves zeros out; elsewhere a missing counter says nothing.
    let absent: Int64? = record.dialect == .goldmane ? 0 : nil
    record.packetsIn = fields["packets_in", "packetsIn"]?.integer ?? absent
    record.packetsOut = fields["packets_out", "packetsOut"]?.integer ?? absent
    record.bytesIn = fields["bytes_in", "bytesIn"]?.integer ?? 0
    record.bytesOut = fields["bytes_out", "bytesOut"]?.integer ?? 0
  }
}

// MARK: - Ends

extension CalicoTree {
  /// What the members of an end say.
  struct EndMembers {
    var namespace = ""
    var name = ""
    /// `*_name_aggr`.
    var aggregatedName = ""
    var labels = CalicoLabels()
    var address = ""
    /// Those of a destination.
    var domains: [String] = []
    var kind = CalicoEnd.Kind.absent
  }

  private static func end(_ fields: Fields, _ side: String, isDestination: Bool) -> CalicoEnd {
    end(
      of: EndMembers(
        namespace: fields.text("\(side)_namespace", "\(side)Namespace"),
        name: fields.text("\(side)_name", "\(side)Name"),
        aggregatedName: fields.text("\(side)_name_aggr", "\(side)NameAggr"),
        labels: labels(fields["\(side)_labels", "\(side)Labels"]),
        address: fields.text("\(side)_ip", "\(side)Ip"),
        domains: isDestination ? domains(fields["dest_domains", "destDomains"]) : [],
        kind: kind(fields["\(side)_type", "\(side)Type"])
      )
    )
  }

  /// Finds out what an end is.
  static func end(of members: EndMembers) -> CalicoEnd {
    var end = CalicoEnd()
    end.namespace = members.namespace
    end.aggregatedName = members.aggregatedName.isEmpty ? members.name : members.aggregatedName
    if !members.name.hasSuffix("*") { end.fullName = members.name }
    end.labels = members.labels
    if !members.address.isEmpty { end.address = IPAddress(members.address) }
    end.domains = members.domains
    end.kind = members.kind
    if end.namespace.isEmpty, let network = networkName(end.aggregatedName) {
      end.aggregatedName = network
      if end.kind == .absent { end.kind = .network }
    }
    if end.kind == .absent {
      // Without a type only the namespace tells pods from the rest.
      if !end.namespace.isEmpty {
        end.kind = .workload
      } else if !end.aggregatedName.isEmpty {
        end.kind = .hostOrNetworkSet
      } else if end.address != nil {
        end.kind = .network
      }
    }
    return end
  }

  /// Reads `*_type`.
  static func kind(_ value: JSONValue?) -> CalicoEnd.Kind {
    enumeration(value, word: CalicoEnd.Kind.init(word:), number: CalicoEnd.Kind.init(number:))
  }

  /// Reads `dest_domains`.
  static func domains(_ value: JSONValue?) -> [String] {
    (value?.array ?? []).compactMap(\.string)
  }

  /// `pub` or `pvt` for the names of unknown networks in either spelling.
  private static func networkName(_ name: String) -> String? {
    switch name.lowercased() {
    case "pub", "public network": "pub"
    case "pvt", "private network": "pvt"
    default: nil
    }
  }

  /// Reads `{"labels":["k=v"]}`, `["k=v"]`, or Whisker's `k=v | k=v`.
  static func labels(_ value: JSONValue?) -> CalicoLabels {
    let texts: [String]
    switch value {
    case .string(let text)?: texts = separated(text)
    case .array(let list)?: texts = list.compactMap(\.string)
    case .object(let object)?: texts = (object["labels"]?.array ?? []).compactMap(\.string)
    default: texts = []
    }
    return CalicoLabels(Labels(texts.compactMap(pair)))
  }

  private static func separated(_ text: String) -> [String] {
    var parts: [String] = []
    var current: [UInt8] = []
    let bytes = Array(text.utf8)
    let separator = Array(" | ".utf8)
    var index = 0
    while index < bytes.count {
      if bytes[index...].starts(with: separator) {
        parts.append(String(decoding: current, as: UTF8.self))
        current = []
        index += separator.count
      } else {
        current.append(bytes[index])
        index += 1
      }
    }
    parts.append(String(decoding: current, as: UTF8.self))
    return parts
  }

  private static func pair(_ text: String) -> (String, String)? {
    let bytes = text.utf8
    guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else {
      return text.isEmpty || text == "-" || text == "*" ? nil : (text, "")
    }
    guard equals > bytes.startIndex else { return nil }
    return (String(text[..<equals]), String(text[bytes.index(after: equals)...]))
  }
}
