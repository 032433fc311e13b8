import JSONText

/// Reads the forms of Calico flow records that are not JSON.
enum CalicoText {
  /// The fields of the old text form, by the names they have in JSON.
  private static let fieldNames = [
    "start_time", "end_time", "source_type", "source_namespace", "source_name_aggr",
    "source_labels", "dest_type", "dest_namespace", "dest_name_aggr", "dest_labels", "source_ip",
    "dest_ip", "proto", "source_port", "dest_port", "num_flows", "num_flows_started",
    "num_flows_completed", "reporter", "packets_in", "packets_out", "bytes_in", "bytes_out",
    "action",
  ]

  /// Turns a line of the old text form (24 fields between blanks) into the tree of its JSON form.
  ///
  /// - Returns: nil when the line has another form.
  static func tree(ofLine line: String) -> JSONValue? {
    let fields = line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
    guard fields.count == fieldNames.count, Int64(fields[0]) != nil, Int64(fields[1]) != nil,
      ["wep", "hep", "ns", "net"].contains(fields[2]),
      ["wep", "hep", "ns", "net"].contains(fields[6])
    else { return nil }
    var object = JSONObject()
    for (name, text) in zip(fieldNames, fields) {
      let value = name.hasSuffix("_labels") ? labels(text) : JSONValue.string(text)
      object.members.append((key: name, value: value))
    }
    return .object(object)
  }

  /// Reads `-`, `[k=v,k=v]` or the JSON form without blanks.
  private static func labels(_ text: String) -> JSONValue {
    if text.hasPrefix("{"), let parsed = try? JSONParser.parse(text) { return parsed }
    var inner = Substring(text)
    if inner.hasPrefix("["), inner.hasSuffix("]") { inner = inner.dropFirst().dropLast() }
    return .array(inner.split(separator: ",").map { .string(String($0)) })
  }
}
