import Foundation
import TestSupport
import Testing

/// `flows` as other programs read it.
@Suite("Lists of flows")
struct FlowListTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch.withSamples()
    let filled = try Program.run(
      ["ingest", "-q", "sample-flows/hubble/flows.jsonl"],
      in: scratch.url
    )
    try #require(filled.status == 0)
  }

  private func run(_ arguments: String...) throws -> Outcome {
    try Program.run(arguments, in: scratch.url)
  }

  private func objects(_ arguments: String...) throws -> [[String: Any]] {
    let outcome = try Program.run(arguments + ["-o", "json"], in: scratch.url)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let list = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
    return try #require(list as? [[String: Any]])
  }

  @Test("An edge has the keys it is promised to have, in their order; absent ones are left out")
  func keys() throws {
    let outcome = try run("flows", "-A", "-o", "ndjson")
    let edgeKeys = [
      "source", "destination", "protocol", "port", "side", "class", "logKind", "flows", "bytes",
      "firstSeen", "lastSeen",
    ]
    let endKeys = [
      "kind", "cluster", "namespace", "workload", "labels", "address", "name", "entity",
    ]
    var seen: Set<String> = []
    for line in outcome.output.split(separator: "\n") {
      let edge = try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      )
      #expect(Set(edge.keys).isSubset(of: edgeKeys))
      #expect(Set(edgeKeys).subtracting(["bytes"]).isSubset(of: edge.keys))
      let order = edgeKeys.compactMap {
        line.range(of: "\"\($0)\":", options: .backwards)?.lowerBound
      }
      #expect(order.last == order.max())
      for side in ["source", "destination"] {
        let end = try #require(edge[side] as? [String: Any])
        #expect(Set(end.keys).isSubset(of: endKeys))
        #expect(end["kind"] is String)
        seen.formUnion(end.keys)
        if let workload = end["workload"] as? [String: Any] {
          #expect(Set(workload.keys) == ["kind", "name"])
        }
        for value in end.values { #expect((value as? String)?.isEmpty != true) }
      }
    }
    #expect(seen == Set(endKeys))
  }

  @Test("Table, JSON, NDJSON and CSV tell of the same edges")
  func formats() throws {
    let count = try objects("flows", "-n", "app-prod").count
    #expect(count > 20)
    for (format, headers) in [("table", 1), ("ndjson", 0), ("csv", 1)] {
      let outcome = try run("flows", "-n", "app-prod", "-o", format)
      #expect(outcome.output.split(separator: "\n").count == count + headers, "\(format)")
      #expect(outcome.errors == "\(count) edges\n")
    }
  }

  @Test("--verdict is another word for --class, and takes the words of the logs")
  func verdicts() throws {
    let attempts = try objects("flows", "-A", "--class", "attempt")
    #expect(attempts.count > 10 && attempts.allSatisfy { $0["class"] as? String == "attempt" })
    #expect(try objects("flows", "-A", "--verdict", "attempt").count == attempts.count)
    let allowed = try objects("flows", "-A", "--class", "allowed").count
    #expect(try objects("flows", "-A", "--verdict", "FORWARDED").count == allowed)
    #expect(
      try objects("flows", "-A", "--verdict", "forwarded,attempt").count
        == allowed + attempts.count
    )
    #expect(try objects("flows", "-A", "--verdict", "DENIED").isEmpty)
  }

  @Test("DENIED means both ways of being denied")
  func denied() throws {
    let lines = ["POLICY_DENIED", "POLICY_DENY"].enumerated().map { number, reason in
      #"{"flow":{"time":"2026-09-15T16:1\#(number):00Z","verdict":"DROPPED","drop_reason_desc":"#
        + #""\#(reason)","IP":{"source":"10.0.1.1","destination":"10.0.2.2"},"l4":{"TCP":{"#
        + #""source_port":40000,"destination_port":80\#(number),"flags":{"SYN":true}}},"source":{"#
        + #""namespace":"shop","labels":["k8s:app=web"]},"destination":{"namespace":"shop","#
        + #""labels":["k8s:app=api"]},"Type":"L3_L4","event_type":{"type":1},"#
        + #""traffic_direction":"INGRESS","is_reply":false},"node_name":"n"}"#
    }
    try (lines.joined(separator: "\n") + "\n").write(
      to: scratch.url.appendingPathComponent("drops.jsonl"),
      atomically: true,
      encoding: .utf8
    )
    #expect(try run("ingest", "-q", "drops.jsonl").status == 0)
    let classes = try objects("flows", "-n", "shop", "--verdict", "DENIED").compactMap {
      $0["class"] as? String
    }
    #expect(classes.sorted() == ["denied", "explicit-deny"])
  }

  @Test("A window is by week or by time, half open, and an empty one says when flows were seen")
  func windows() throws {
    let all = try objects("flows", "-n", "app-prod")
    let first = try objects("flows", "-n", "app-prod", "--week", "1")
    let second = try objects("flows", "-n", "app-prod", "--week", "2", "--only")
    func records(_ edges: [[String: Any]]) -> Int {
      edges.compactMap { $0["flows"] as? Int }.reduce(0, +)
    }
    #expect(records(first) + records(second) == records(all))
    #expect(
      try objects("flows", "-n", "app-prod", "--until", "2026-11-09") as NSArray == first as NSArray
    )
    #expect(
      try objects("flows", "-n", "app-prod", "--since", "2026-11-09T00:30:00Z") as NSArray
        == second as NSArray
    )
    let none = try run("flows", "-n", "app-prod", "--since", "2027-01-01")
    #expect(none.status == 0 && none.output.isEmpty)
    #expect(none.errors.hasPrefix("no edges in that time; flows were seen from 2026-11-02T"))
    let other = try run("flows", "-n", "app-prod", "--class", "would-deny")
    #expect(other.errors.hasPrefix("no edges of that class; "))
    #expect(try run("flows", "-n", "app-prod", "--week", "9").status == 1)
  }

  @Test("A reader that has seen enough is no error; a disk that is full is one")
  func pipes() throws {
    let head = try Program.shell("flowlearn flows -A -q | head -1", in: scratch.url)
    #expect(head.status == 0 && head.errors.isEmpty)
    guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
    let full = try Program.shell("flowlearn flows -A -q >/dev/full", in: scratch.url)
    #expect(full.status == 2)
    #expect(full.errors.contains("Error: the result could not be written: No space left"))
  }

  @Test("Workloads tell their labels, in every format")
  func workloads() throws {
    let list = try objects("workloads", "-n", "app-prod")
    #expect(
      list.compactMap { $0["workload"] as? String } == [
        "app-prod/api", "app-prod/cache", "app-prod/db", "app-prod/report", "app-prod/web",
      ]
    )
    #expect((list.first?["labels"] as? [[String: String]]) == [["app": "shop", "tier": "api"]])
    #expect(
      try run("workloads", "-n", "app-prod", "-o", "csv").output.split(separator: "\n").count == 6
    )
    #expect(try run("workloads", "-n", "nowhere").status == 1)
  }

  @Test("The inventory is shown as data: numbers are numbers, keys are words")
  func inventory() throws {
    let at = "2026-11-09T00:00:00Z"
    #expect(try run("inventory", "add", "-q", "--at", at, "sample-flows/pods.json").status == 0)
    let outcome = try run("inventory", "show", "-o", "json")
    let shown = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
    #expect(shown?["pods"] as? Int == 17 && shown?["lastSnapshot"] as? String == at)
    #expect(shown?.keys.allSatisfy { !$0.contains(" ") } == true)
  }

  @Test("With -v ingest explains what it left out, and flows say their window")
  func verbose() throws {
    let again = try run(
      "ingest",
      "-v",
      "--store",
      "v.db",
      "sample-flows/hubble/flows.jsonl"
    )
    #expect(again.errors.contains("discarded 812 as reply: answer of a connection"))
    #expect(again.errors.contains("bytes of log read in "))
    let flows = try run("flows", "-n", "app-prod", "-v")
    #expect(flows.errors.contains("app-prod: 2026-11-02T00:00:00Z to 2026-11-16T00:00:00Z"))
  }
}
