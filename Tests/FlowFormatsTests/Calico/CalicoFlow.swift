import FlowModel

/// Builds Calico records for tests.
struct CalicoFlow {
  var fields: [(String, String)] = [
    ("start_time", "1659621542"), ("end_time", "1659621842"), ("source_ip", "null"),
    ("source_name", #""-""#), ("source_name_aggr", #""web-abc12-*""#),
    ("source_namespace", #""shop""#), ("source_port", "null"), ("source_type", #""wep""#),
    ("source_labels", #"{"labels":["app=web","pod-template-hash=abc12"]}"#), ("dest_ip", "null"),
    ("dest_name", #""-""#), ("dest_name_aggr", #""db-*""#), ("dest_namespace", #""data""#),
    ("dest_port", "5432"), ("dest_type", #""wep""#), ("dest_labels", #"{"labels":["app=db"]}"#),
    ("proto", #""tcp""#), ("action", #""allow""#), ("reporter", #""src""#),
    (
      "policies",
      #"{"enforced_policies":["0|__PROFILE__|__PROFILE__.kns.shop|allow|0"],"pending_policies":["0|__PROFILE__|__PROFILE__.kns.shop|allow|0"]}"#
    ), ("bytes_in", "10"), ("bytes_out", "20"), ("num_flows", "1"), ("num_flows_started", "1"),
    ("num_flows_completed", "1"), ("packets_in", "3"), ("packets_out", "4"),
  ]

  /// The record as an Enterprise file writes it.
  var json: String {
    "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
  }

  /// A record with some members replaced, added, or (nil) left out; values are JSON.
  static func with(_ changes: [(String, String?)]) -> String {
    var flow = CalicoFlow()
    for (key, value) in changes {
      if let index = flow.fields.firstIndex(where: { $0.0 == key }) {
        if let value { flow.fields[index].1 = value } else { flow.fields.remove(at: index) }
      } else if let value {
        flow.fields.append((key, value))
      }
    }
    return flow.json
  }

  /// A record with these policy lists.
  static func policies(
    enforced: [String]? = nil,
    pending: [String]? = nil,
    all: [String]? = nil,
    transit: [String]? = nil,
    action: String = "allow",
    changes: [(String, String?)] = []
  ) -> String {
    let lists = [
      ("enforced_policies", enforced), ("pending_policies", pending), ("all_policies", all),
      ("transit_policies", transit),
    ]
    let members = lists.compactMap { key, list in
      list.map { "\"\(key)\":[" + $0.map { "\"\($0)\"" }.joined(separator: ",") + "]" }
    }
    return with(
      [("policies", "{" + members.joined(separator: ",") + "}"), ("action", "\"\(action)\"")]
        + changes
    )
  }

  /// A Whisker record.
  static func whisker(
    source: String = "web-abc12-*",
    sourceNamespace: String = "shop",
    sourceLabels: String = "app=web | pod-template-hash=abc12",
    destination: String = "db-*",
    destinationNamespace: String = "data",
    action: String = "Allow",
    reporter: String = "Src",
    enforced: String = "[]",
    pending: String = "[]"
  ) -> String {
    """
    {"start_time":"2026-09-27T11:32:15Z","end_time":"2026-09-27T11:32:30Z","action":"\(action)",\
    "source_name":"\(source)","source_namespace":"\(sourceNamespace)",\
    "source_labels":"\(sourceLabels)","dest_name":"\(destination)",\
    "dest_namespace":"\(destinationNamespace)","dest_labels":"app=db","protocol":"tcp",\
    "dest_port":5432,"reporter":"\(reporter)","policies":{"enforced":\(enforced),\
    "pending":\(pending)},"packets_in":8,"packets_out":9,"bytes_in":592,"bytes_out":0}
    """
  }

  /// A Goldmane record as its emitter writes it.
  static let goldmane = """
    {"Key":{"source_name":"web-abc12-*","source_namespace":"shop","source_type":1,\
    "dest_name":"db-*","dest_namespace":"data","dest_type":1,"dest_port":5432,\
    "dest_service_name":"db","dest_service_namespace":"data","dest_service_port":5432,\
    "proto":"tcp","reporter":1,"action":1,"policies":{"enforced_policies":[{"kind":9,\
    "name":"kns.shop","action":1}],"pending_policies":[{"kind":9,"name":"kns.shop","action":1}]}},\
    "start_time":1790508735,"end_time":1790508750,"source_labels":["app=web",\
    "pod-template-hash=abc12"],"dest_labels":["app=db"],"packets_in":8,"packets_out":9,\
    "bytes_in":592,"bytes_out":12,"num_connections_started":1}
    """
}
