/// A Hubble log made of a few connections, for tests that need weeks of it.
package struct HubbleLog: Sendable {
  /// The records as JSON lines.
  package private(set) var text = ""

  /// Makes an empty log.
  package init() {}

  /// Adds a delivered first packet, or one that a default-deny dropped.
  ///
  /// - Parameters:
  ///   - source: `namespace/app`, or an address outside the cluster.
  ///   - destination: Likewise.
  ///   - time: Such as `2026-11-09T00:00:00Z`.
  package mutating func add(
    _ source: String,
    _ destination: String,
    port: Int = 8080,
    at time: String,
    isDenied: Bool = false
  ) {
    let event =
      isDenied
      ? #""verdict":"DROPPED","drop_reason_desc":"POLICY_DENIED","event_type":{"type":1,"#
        + #""sub_type":133},"traffic_direction":"INGRESS","#
      : #""verdict":"FORWARDED","event_type":{"type":4},"traffic_direction":"EGRESS","#
        + #""trace_observation_point":"TO_ENDPOINT","trace_reason":"NEW","is_reply":false,"#
    text +=
      #"{"flow":{"time":"\#(time)",\#(event)"IP":{"source":"\#(HubbleLog.address(source))","#
      + #""destination":"\#(HubbleLog.address(destination))","ipVersion":"IPv4"},"#
      + #""l4":{"TCP":{"source_port":40000,"destination_port":\#(port),"flags":{"SYN":true}}},"#
      + #""source":\#(HubbleLog.endpoint(source)),"destination":\#(HubbleLog.endpoint(destination)),"#
      + #""Type":"L3_L4","node_name":"node-1"},"node_name":"node-1","time":"\#(time)"}"# + "\n"
  }

  private static func endpoint(_ name: String) -> String {
    let parts = name.split(separator: "/").map(String.init)
    guard parts.count == 2 else { return #"{"identity":2,"labels":["reserved:world"]}"# }
    return #"{"identity":\#(1000 + number(name)),"namespace":"\#(parts[0])","labels":["#
      + #""k8s:app=\#(parts[1])","k8s:io.kubernetes.pod.namespace=\#(parts[0])"],"#
      + #""pod_name":"\#(parts[1])-5c5-x","workloads":[{"name":"\#(parts[1])","#
      + #""kind":"Deployment"}]}"#
  }

  private static func address(_ name: String) -> String {
    guard name.contains("/") else { return name }
    return "10.1.\(number(name) / 250 % 250).\(number(name) % 250 + 1)"
  }

  private static func number(_ name: String) -> Int {
    name.utf8.reduce(7) { ($0 * 31 + Int($1)) % 50_000 }
  }
}
