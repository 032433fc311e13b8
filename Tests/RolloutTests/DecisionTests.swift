import FlowModel
import JSONText
import Rollout
import Testing
import TestSupport

private func workload(_ name: String) -> DecisionEnd {
  .workload(
    cluster: "",
    namespace: "app-prod",
    WorkloadReference(kind: "Deployment", name: name)
  )
}

private func key(_ destination: DecisionEnd, port: UInt16 = 443) -> DecisionKey {
  DecisionKey(source: workload("web"), destination: destination, transport: .tcp, port: port)
}

private func decide(
  _ verdict: ReviewDecision.Verdict,
  _ destination: DecisionEnd,
  _ time: Int64,
  until: Int64? = nil
) -> ReviewDecision {
  ReviewDecision(verdict, key(destination), reason: "r", who: "ann", time: time, until: until)
}

private func prefix(_ text: String) throws -> DecisionEnd {
  .prefix(try #require(CIDR(text)))
}

struct DecisionSetTests {
  @Test("The latest decision counts, and only from when it was made")
  func latest() {
    let set = DecisionSet([
      decide(.reject, workload("api"), 20), decide(.accept, workload("api"), 10),
    ])
    #expect(set.decision(for: key(workload("api")), at: 9) == nil)
    #expect(set.decision(for: key(workload("api")), at: 15)?.verdict == .accept)
    #expect(set.decision(for: key(workload("api")), at: 20)?.verdict == .reject)
    #expect(set.decision(for: key(workload("api"), port: 80), at: 20) == nil)
  }

  @Test("An expired decision leaves the edge undecided; what it replaced does not come back")
  func expiry() {
    let set = DecisionSet([
      decide(.accept, workload("api"), 10), decide(.reject, workload("api"), 20, until: 30),
    ])
    #expect(set.decision(for: key(workload("api")), at: 29)?.verdict == .reject)
    #expect(set.decision(for: key(workload("api")), at: 30) == nil)
  }

  @Test("A decision can be taken back")
  func undo() {
    let set = DecisionSet([
      decide(.accept, workload("api"), 10), decide(.undo, workload("api"), 20),
    ])
    #expect(set.decision(for: key(workload("api")), at: 25) == nil)
    #expect(set.inForce(at: 25).isEmpty)
    #expect(set.inForce(at: 15).count == 1)
  }

  @Test("A decision about outside addresses holds for each, a narrower one goes before it")
  func prefixes() throws {
    let set = DecisionSet([
      decide(.accept, .external, 10), decide(.reject, try prefix("198.51.100.0/24"), 10),
      decide(.accept, try prefix("198.51.100.7"), 10),
    ])
    let verdict = { (text: String) throws in
      set.decision(for: key(try prefix(text)), at: 11)?.verdict
    }
    #expect(try verdict("203.0.113.1") == .accept)
    #expect(try verdict("198.51.100.8") == .reject)
    #expect(try verdict("198.51.100.7") == .accept)
    #expect(set.decision(for: key(.name("example.com")), at: 11)?.verdict == .accept)
    #expect(set.decision(for: key(workload("api")), at: 11) == nil)
  }

  @Test("An endpoint's decision end is its workload, else its labels, never a pod's name")
  func ends() {
    let owner = WorkloadReference(kind: "Deployment", name: "web")
    let owned = Endpoint(kind: .pod, namespace: "a", workload: owner, labels: ["app": "web"])
    #expect(DecisionEnd(owned).description == "a/Deployment/web")
    let bare = Endpoint(kind: .pod, namespace: "a", labels: ["app": "web", "tier": "x"])
    #expect(DecisionEnd(bare).description == "a/{app=web,tier=x}")
    #expect(DecisionEnd(Endpoint(kind: .pod, namespace: "a", name: "web-1")) == .unresolved)
  }

  @Test("Every end reads back from its text", arguments: Seed.samples(200))
  func roundTrip(seed: Seed) throws {
    var seed = seed
    let characters = Array("ab/{}=,%:.\"\n*é\u{202e} -_@")
    func word() -> String {
      String((1...5).map { _ in characters.randomElement(using: &seed) ?? "a" })
    }
    let reference = WorkloadReference(kind: word(), name: word())
    let ends: [DecisionEnd] = [
      .workload(cluster: "", namespace: word(), reference),
      .workload(cluster: word(), namespace: word(), reference),
      .pods(cluster: word(), namespace: word(), Labels([(word(), word()), (word(), "")])),
      .name(word()), .entity(word()), .node, .apiServer, .external, .unresolved,
      try prefix("2001:db8::/48"),
    ]
    for end in ends { #expect(DecisionEnd(text: end.description) == end, "\(end)") }
  }

  @Test(
    "Broken texts are refused",
    arguments: [
      "", "web", "a/b", "a//b", "a/{x}", "a/{x=1,x=2}", "a/b/c/d", "name:", "a/b/%4", "1.2.3.4/99",
    ]
  )
  func broken(text: String) { #expect(DecisionEnd(text: text) == nil) }
}

struct DecisionFileTests {
  private var decisions: [ReviewDecision] {
    [
      ReviewDecision(
        .reject,
        key(.external, port: 80),
        reason: "no: \"quotes\"\nand lines # \u{202e}\u{7}",
        who: "bob",
        time: at("2026-11-10T00:00:00Z"),
        until: at("2027-01-01")
      ),
      ReviewDecision(
        .accept,
        key(workload("api")),
        reason: "needed",
        who: "ann",
        time: at("2026-11-09T10:00:00.000001Z")
      ),
    ]
  }

  private func value(_ fields: (String, JSONValue)...) -> JSONValue {
    var members: [(key: String, value: JSONValue)] = [
      ("decision", .string("accept")), ("source", .string("app-prod/Deployment/web")),
      ("destination", .string("external")), ("protocol", .string("TCP")), ("port", .number("443")),
      ("reason", .string("r")), ("by", .string("ann")), ("at", .string("2026-11-09T10:00:00Z")),
    ]
    for field in fields {
      members.removeAll { $0.key == field.0 }
      if field.1 != .null { members.append((key: field.0, value: field.1)) }
    }
    return .object(JSONObject(members))
  }

  private func file(_ entries: [JSONValue]) -> JSONValue {
    .object(JSONObject([("version", .number("1")), ("decisions", .array(entries))]))
  }

  @Test("The file is sorted, quoted and free of control characters")
  func golden() throws {
    try expectGolden(DecisionFile.write(decisions), "decisions.yaml")
    #expect(DecisionFile.write([]) == "version: 1\ndecisions: []\n")
    #expect(DecisionFile.write(decisions) == DecisionFile.write(decisions.reversed()))
  }

  @Test("A good file is read in its order")
  func good() throws {
    let read = try DecisionFile.read(file([value(), value(("port", .number("80")))])) { _ in true }
    #expect(read.map(\.key.port) == [443, 80])
    #expect(read.first?.key.destination == .external)
    #expect(read.first?.time == at("2026-11-09T10:00:00Z"))
  }

  @Test("A decision about an unknown workload is refused with its line")
  func unknown() {
    let wrong = value(("destination", .string("app-prod/Deployment/gone")))
    do {
      _ = try DecisionFile.read(file([value(), wrong]), lines: [3, 12]) {
        $0 == DecisionEnd(text: "app-prod/Deployment/web")
      }
      Issue.record("read although a workload is unknown")
    } catch {
      #expect(
        "\(error)"
          == "line 12: decisions[1].destination: unknown workload app-prod/Deployment/gone"
      )
    }
  }

  @Test("Every fault is named with its place")
  func faults() {
    let entries = [
      value(("decision", .string("maybe"))), value(("port", .number("70000"))),
      value(("reason", .null)), value(("untill", .string("2027-01-01"))),
      value(("until", .string("2026-11-09T10:00:00Z"))), value(("at", .string("yesterday"))),
      .string("accept"), value(("source", .string("web"))), value(("by", .string(""))), value(),
      value(),
    ]
    do {
      _ = try DecisionFile.read(file(entries)) { _ in true }
      Issue.record("read although it is wrong")
    } catch {
      #expect(
        error.problems.map(\.position) == [
          "decisions[0].decision", "decisions[1].port", "decisions[2].reason",
          "decisions[3].untill", "decisions[4].until", "decisions[5].at", "decisions[6]",
          "decisions[7].source", "decisions[8].by", "decisions[10]",
        ]
      )
    }
  }

  @Test(
    "What is no decisions file is refused",
    arguments: [
      JSONValue.null, .array([]), .object(JSONObject()),
      .object(JSONObject([("version", .number("2")), ("decisions", .array([]))])),
      .object(JSONObject([("version", .number("1")), ("decisions", .string("x"))])),
    ]
  )
  func notAFile(value: JSONValue) {
    #expect(throws: DecisionFileError.self) { try DecisionFile.read(value) { _ in true } }
  }
}
