import FlowAggregation
import FlowModel
import Foundation
import PolicyEvaluation
import PolicyManifests
import PolicyModel
import PolicySynthesis
import TestSupport
import Testing

/// Proposals as clusters get them: written in each dialect, read back and judged by the evaluator,
/// which knows nothing of how proposals are made.
struct ProposalDialectTests {
  /// A random cluster whose connections every dialect can express: pods and addresses.
  private static func input(_ seed: Seed, _ dialect: PolicyDialect) -> SynthesisInput {
    var input = RandomCluster.input(seed)
    input.dialect = dialect
    input.layout = seed.value.isMultiple(of: 2) ? .workload : .compact
    input.connections.removeAll { connection in
      [connection.source, connection.destination].contains { end in
        if case .other(let endpoint) = end { endpoint.kind != .address } else { false }
      }
    }
    return input
  }

  private static func evaluator(_ input: SynthesisInput) throws -> PolicyEvaluator {
    let proposal = PolicySynthesizer.propose(input)
    let yaml = try ManifestWriter.yaml(proposal.policySet)
    let read = try ManifestReader().policies(fromYAML: yaml, file: "proposal.yaml")
    return PolicyEvaluator(policies: read.policySet, isolatedNamespaces: [input.namespace])
  }

  private static func endpoints(_ end: ConnectionEnd, _ input: SynthesisInput) -> [PolicyEndpoint] {
    switch end {
    case .workload(let index):
      input.workloads[index].labelSets.map { .pod(input.workloads[index].namespace, $0) }
    case .other(let endpoint): endpoint.address.map { [.external($0)] } ?? []
    }
  }

  @Test("The three dialects decide alike where all can express it", arguments: Seed.samples(200))
  func dialectsAgree(_ seed: Seed) throws {
    let inputs = PolicyDialect.allCases.map { Self.input(seed, $0) }
    let input = inputs[0]
    guard !input.connections.isEmpty else { return }
    let evaluators = try inputs.map { try Self.evaluator($0) }
    var random = seed
    var ends = input.workloads.indices.map(ConnectionEnd.workload)
    ends += Set(input.connections.flatMap { [$0.source, $0.destination] }).filter {
      if case .other = $0 { true } else { false }
    }
    ends.append(.other(Endpoint(kind: .address, address: CIDR("203.0.113.24"))))
    let ports = Set(input.connections.map(\.port)).union([53, 4242]).sorted()
    var judged: [PolicyConnection] = []
    for _ in 0..<60 {
      guard let source = ends.randomElement(using: &random),
        let destination = ends.randomElement(using: &random),
        let from = Self.endpoints(source, input).randomElement(using: &random),
        let to = Self.endpoints(destination, input).randomElement(using: &random),
        let port = ports.randomElement(using: &random), from.isPod || to.isPod
      else { continue }
      let transport: TransportProtocol = Bool.random(using: &random) ? .tcp : .udp
      judged.append(
        PolicyConnection(source: from, destination: to, transport: transport, port: port)
      )
    }
    for connection in input.connections.prefix(12) {
      for from in Self.endpoints(connection.source, input) {
        for to in Self.endpoints(connection.destination, input) {
          judged.append(
            PolicyConnection(
              source: from,
              destination: to,
              transport: connection.transport,
              port: connection.port
            )
          )
        }
      }
    }
    for connection in judged {
      let decisions = evaluators.map { $0.decide(connection).allowed }
      #expect(Set(decisions).count == 1, "\(decisions) \(connection)")
    }
  }

  @Test("Every accepted connection gets through what is written", arguments: Seed.samples(200))
  func writtenPoliciesAllow(_ seed: Seed) throws {
    let dialect = PolicyDialect.allCases[Int(seed.value % 3)]
    let input = Self.input(seed, dialect)
    let proposal = PolicySynthesizer.propose(input)
    let excused = Set((proposal.unexpressible + proposal.needless).map(\.connection))
    let evaluator = try Self.evaluator(input)
    for (index, connection) in input.connections.enumerated() where !excused.contains(index) {
      for from in Self.endpoints(connection.source, input) {
        for to in Self.endpoints(connection.destination, input) {
          let decision = evaluator.decide(
            PolicyConnection(
              source: from,
              destination: to,
              transport: connection.transport,
              port: connection.port
            )
          )
          #expect(decision.allowed, "\(dialect): \(connection)")
        }
      }
    }
  }

  @Test("The official schemas accept proposals in every dialect and layout")
  func schemas() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("proposals-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for seed in Seed.samples(40) {
      for dialect in PolicyDialect.allCases {
        for layout in PolicyLayout.allCases {
          var input = RandomCluster.input(seed)
          input.dialect = dialect
          input.layout = layout
          input.withDefaultDeny = true
          let text = try ManifestWriter.yaml(PolicySynthesizer.propose(input).policySet)
          try text.write(
            to: folder.appendingPathComponent("\(seed.value)-\(dialect)-\(layout).yaml"),
            atomically: true,
            encoding: .utf8
          )
        }
      }
    }
    guard let result = try Python.validate(folder) else { return }
    #expect(result.status == 0, "\(result.text.prefix(4_000))")
  }
}

@Suite("Hostile names in logs")
struct HostileNamesTests {
  @Test(
    "A namespace that Kubernetes would refuse gets no policy and is named",
    arguments: ["../../etc", "a b", "app\nkind: Pod", "UPPER", String(repeating: "n", count: 300)]
  )
  func ownNamespace(_ namespace: String) {
    var cluster = ClusterBuilder()
    cluster.add("app/web")
    cluster.add("app/api")
    for index in cluster.workloads.indices { cluster.workloads[index].namespace = namespace }
    cluster.connect("app/web", "app/api", 80)
    var input = cluster.input(namespace)
    input.withDefaultDeny = true
    let proposal = PolicySynthesizer.propose(input)
    #expect(proposal.policySet.policies.isEmpty)
    #expect(proposal.unexpressible.map(\.connection) == [0])
  }

  @Test("A peer in such a namespace fails the proof by name and stands in no rule")
  func peerNamespace() throws {
    var cluster = ClusterBuilder()
    cluster.add("app/web")
    cluster.add("app/api")
    cluster.add("evil/shell")
    cluster.workloads[2].namespace = "x\"]}\n  - podSelector: {}"
    cluster.connect("app/web", "app/api", 80)
    cluster.connections.append(
      LearnedConnection(
        source: .workload(2),
        destination: .workload(1),
        transport: .tcp,
        port: 80,
        evidence: ClusterBuilder.evidence
      )
    )
    for dialect in PolicyDialect.allCases {
      var input = cluster.input("app")
      input.dialect = dialect
      let proposal = PolicySynthesizer.propose(input)
      #expect(proposal.unexpressible.map(\.connection) == [1])
      let text = try ManifestWriter.yaml(proposal.policySet)
      #expect(!text.contains("podSelector: {}\n  -"))
      #expect(!text.contains("x\\\""))
    }
  }

  @Test("Labels that are no labels never reach a selector; what is left is used")
  func labels() throws {
    var cluster = ClusterBuilder()
    cluster.add(
      "app/web",
      [
        "app": "web", "k\n": "v", "note": "a\"b: {c}\n- d", "-bad-": "x",
        "long": String(repeating: "l", count: 300),
      ]
    )
    cluster.add("app/api", ["app": "yes", "tier": "0x1F"])
    cluster.connect("app/web", "app/api", 80)
    let proposal = PolicySynthesizer.propose(cluster.input("app"))
    #expect(
      ProposalText.lines(proposal) == [
        "api [app=yes] ingress: app=web -> TCP/80", "web [app=web] egress: app=yes -> TCP/80",
      ]
    )
    #expect(try ManifestWriter.yaml(proposal.policySet).contains("app: \"yes\""))
  }
}
