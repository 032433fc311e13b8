import FlowModel
import PolicyEvaluation
import PolicyManifests
import PolicyModel
import TestSupport
import Testing

/// Naive readings of the three dialects against reader and evaluator together: the oracles write YAML,
/// so a default read wrongly shows as much as a rule judged wrongly.
@Suite struct DialectOracleTests {
  private func read(_ yaml: String) throws -> PolicySet {
    try ManifestReader().policies(fromYAML: yaml, file: "oracle.yaml").policySet
  }

  /// Says where the oracle and the evaluator part.
  private func compare(_ expected: Bool, _ actual: Bool, _ what: @autoclosure () -> String) {
    if expected != actual { Issue.record("expected \(expected), got \(actual): \(what())") }
  }

  @Test("NetworkPolicy as written decides as its specification reads", arguments: Seed.samples(250))
  func kubernetes(_ sample: Seed) throws {
    var seed = sample
    let oracle = NetworkPolicyOracle(random: &seed)
    let ends = (0..<5).map { _ in NetworkPolicyOracle.end(&seed) }
    let yaml = oracle.yaml(&seed)
    let evaluator = PolicyEvaluator(policies: try read(yaml), engine: .reference)
    for source in ends {
      for destination in ends {
        let admitted = evaluator.admittedPorts(from: source.model, to: destination.model)
        for transport in NetworkPolicyOracle.transports {
          for port in NetworkPolicyOracle.ports {
            compare(
              oracle.allows(source, destination, transport, port),
              admitted.contains(transport, UInt16(port)),
              "\(source) -> \(destination) \(transport)/\(port)\n\(yaml)"
            )
          }
        }
      }
    }
  }

  @Test("Cilium's policies as written decide as documented", arguments: Seed.samples(250))
  func cilium(_ sample: Seed) throws {
    var seed = sample
    let oracle = CiliumOracle(random: &seed)
    let evaluator = PolicyEvaluator(policies: try read(oracle.yaml))
    for source in CiliumOracle.ends {
      for destination in CiliumOracle.ends {
        let admitted = evaluator.admittedPorts(from: source.model, to: destination.model)
        for (transport, port) in CiliumOracle.connections {
          compare(
            oracle.allows(source, destination, transport, port),
            admitted.contains(transport, UInt16(port)),
            "\(source) -> \(destination) \(transport)/\(port)\n\(oracle.yaml)"
          )
        }
      }
    }
  }

  @Test(
    "Calico's policies as written decide as documented, staged ones what is pending",
    arguments: Seed.samples(250)
  )
  func calico(_ sample: Seed) throws {
    var seed = sample
    let oracle = CalicoOracle(random: &seed)
    let set = try read(oracle.yaml)
    let ends = CalicoOracle.ends
    for (oracle, stage) in [(oracle, PolicyStage.enforced), (oracle.pending, .pending)] {
      var matrix = PolicyMatrix(policies: set, endpoints: ends.map(\.model), stage: stage)
      for (from, source) in ends.enumerated() {
        for (to, destination) in ends.enumerated() {
          let admitted = matrix.admittedPorts(from: from, to: to)
          for (transport, port) in CalicoOracle.connections {
            compare(
              oracle.allows(source, destination, transport, port),
              admitted.contains(transport, UInt16(port)),
              "\(stage) \(source) -> \(destination) \(transport)/\(port)\n\(oracle.yaml)"
            )
          }
        }
      }
    }
  }

  @Test("Random cases of each dialect allow and deny often enough to mean something")
  func balance() {
    var cilium = [false: 0, true: 0]
    var calico = [false: 0, true: 0]
    for sample in Seed.samples(40) {
      var seed = sample
      let one = CiliumOracle(random: &seed)
      let two = CalicoOracle(random: &seed)
      for from in 0..<6 {
        for to in 0..<6 {
          let ends = (CiliumOracle.ends[from], CiliumOracle.ends[to])
          cilium[one.allows(ends.0, ends.1, .tcp, 80), default: 0] += 1
          let others = (CalicoOracle.ends[from], CalicoOracle.ends[to])
          calico[two.allows(others.0, others.1, .tcp, 80), default: 0] += 1
        }
      }
    }
    for counts in [cilium, calico] {
      #expect(counts[true, default: 0] > 200 && counts[false, default: 0] > 200, "\(counts)")
    }
  }
}
