import FlowAggregation
import FlowModel
import PolicyModel
import PolicySynthesis
import TestSupport
import Testing

/// What every proposal promises, over random clusters, in each dialect and layout.
struct ProposalPropertyTests {
  private static let variants: [(PolicyDialect, PolicyLayout, CIDRGrouping)] = [
    (.kubernetes, .workload, .grouped), (.kubernetes, .compact, .exact),
    (.cilium, .workload, .grouped), (.cilium, .compact, .grouped),
    (.calico, .workload, .world), (.calico, .compact, .grouped),
  ]

  private struct Sample {
    var input: SynthesisInput
    var proposal: Proposal
  }

  /// For each seed the plain variant and, in turn, one of the others; made once for all tests.
  private static let all: [UInt64: [Sample]] = {
    var all: [UInt64: [Sample]] = [:]
    for seed in Seed.samples(200) {
      let other = Int(seed.value % UInt64(variants.count - 1)) + 1
      all[seed.value] = [variants[0], variants[other]].map { dialect, layout, grouping in
        var input = RandomCluster.input(seed)
        input.dialect = dialect
        input.layout = layout
        input.grouping = grouping
        return Sample(input: input, proposal: PolicySynthesizer.propose(input))
      }
    }
    return all
  }()

  private static func samples(_ seed: Seed) -> [Sample] { all[seed.value] ?? [] }

  private static func excused(_ proposal: Proposal) -> Set<Int> {
    Set(proposal.unexpressible.map(\.connection) + proposal.needless.map(\.connection))
  }

  @Test("Every accepted connection is allowed on each side", arguments: Seed.samples(200))
  func nothingBreaks(_ seed: Seed) {
    for sample in Self.samples(seed) {
      let (input, proposal) = (sample.input, sample.proposal)
      let admission = Admission(policies: proposal.policySet.policies)
      let excused = Self.excused(proposal)
      for index in input.connections.indices where !excused.contains(index) {
        #expect(
          admission.allows(input.connections[index], of: input),
          "\(input.dialect) \(input.layout): \(input.connections[index])"
        )
      }
    }
  }

  @Test("Nothing is admitted that was not seen, listed or declared", arguments: Seed.samples(200))
  func nothingExtra(_ seed: Seed) {
    for sample in Self.samples(seed) {
      #expect(Self.extra(sample.input, sample.proposal) == [])
    }
  }

  @Test("The check for extra grants sees a rule that was widened", arguments: Seed.samples(200))
  func extraIsSeen(_ seed: Seed) {
    var random = seed
    for sample in Self.samples(seed) {
      // All ports in place of some, for one of the rules between workloads: a peer outside may stand for
      // grants that are listed already.
      let rules = sample.proposal.ruleEvidence.filter { entry in
        entry.connections.allSatisfy { index in
          if case .workload = sample.input.connections[index].source,
            case .workload = sample.input.connections[index].destination
          {
            return true
          }
          return false
        }
      }
      guard let rule = rules.randomElement(using: &random) else { continue }
      var wide = sample.proposal
      wide.policySet.policies[rule.policy].rules[rule.rule].ports = nil
      #expect(Self.extra(sample.input, wide) != [], "\(sample.input.dialect)")
    }
  }

  /// What policies admit over all workloads, peers and ports known that was not seen, listed or declared.
  private static func extra(_ input: SynthesisInput, _ proposal: Proposal) -> [String] {
    let admission = Admission(policies: proposal.policySet.policies)
    let granted = proposal.declared + proposal.excess.flatMap(\.grants)
    var peers = Set(input.workloads.indices.map(ConnectionEnd.workload))
    for connection in input.connections {
      peers.formUnion([connection.source, connection.destination])
    }
    let ports = Set(input.connections.map { Port($0.transport, $0.port) })
      .union([Port(.tcp, 53), Port(.tcp, 4242)])
    let seen = Set(
      input.connections.map {
        GrantedConnection(
          source: $0.source,
          destination: $0.destination,
          transport: $0.transport,
          port: $0.port
        )
      }
    )
    // A log that names a class of nodes has seen all that the class stands for.
    let seenNodes = seen.filter { isNodes($0.source) || isNodes($0.destination) }
    var found: [String] = []
    for subject in input.workloads.indices
    where input.workloads[subject].namespace == input.namespace {
      for (peer, direction) in peers.flatMap({ peer in Direction.allCases.map { (peer, $0) } }) {
        for port in ports
        where admission.admitsAny(subject, direction, peer, port.transport, port.number, of: input)
        {
          let isEgress = direction == .egress
          let connection = GrantedConnection(
            source: isEgress ? .workload(subject) : peer,
            destination: isEgress ? peer : .workload(subject),
            transport: port.transport,
            port: port.number
          )
          guard !seen.contains(connection), !granted.contains(where: { covers($0, connection) }),
            !seenNodes.contains(where: { covers($0, connection) })
          else { continue }
          found.append("\(input.dialect) \(input.layout) \(direction): \(connection)")
        }
      }
    }
    return found
  }

  private struct Port: Hashable {
    var transport: TransportProtocol
    var number: UInt16

    init(_ transport: TransportProtocol, _ number: UInt16) {
      self.transport = transport
      self.number = number
    }
  }

  private static func covers(_ grant: GrantedConnection, _ connection: GrantedConnection) -> Bool {
    grant.transport == connection.transport && grant.port == connection.port
      && covers(grant.source, connection.source)
      && covers(grant.destination, connection.destination)
  }

  private static func isNodes(_ end: ConnectionEnd) -> Bool {
    guard case .other(let endpoint) = end else { return false }
    return endpoint.kind == .node && endpoint.address == nil
  }

  private static func covers(_ grant: ConnectionEnd, _ end: ConnectionEnd) -> Bool {
    if grant == end { return true }
    guard case .other(let wide) = grant, case .other(let endpoint) = end else { return false }
    if let prefix = wide.address, let address = endpoint.address {
      return prefix.contains(address)
    }
    // Without an address of its own the API server is the addresses of its endpoints.
    if endpoint.kind == .apiServer { return wide.kind == .address }
    if wide.kind == .name, wide.address == nil { return endpoint.dnsNames.contains(wide.name) }
    return wide.kind == .node && endpoint.kind == .node
      && (endpoint.entity.isEmpty || wide.entity == endpoint.entity)
  }

  @Test("Removing any rule denies an accepted connection", arguments: Seed.samples(200))
  func nothingSuperfluous(_ seed: Seed) {
    for sample in Self.samples(seed) {
      let (input, proposal) = (sample.input, sample.proposal)
      for entry in proposal.ruleEvidence {
        var policies = proposal.policySet.policies
        let removed = policies[entry.policy].rules.remove(at: entry.rule)
        guard !Self.isDeclared(removed) else { continue }
        let admission = Admission(policies: policies)
        let served = entry.connections.map { input.connections[$0] }
        let declared = proposal.declared.map {
          LearnedConnection(
            source: $0.source,
            destination: $0.destination,
            transport: $0.transport,
            port: $0.port,
            evidence: ClusterBuilder.evidence
          )
        }
        #expect(
          (served + declared).contains { !admission.allows($0, of: input) },
          "\(input.dialect) \(input.layout): \(policies[entry.policy].name) \(removed)"
        )
      }
    }
  }

  /// Rules that stand for more than single connections: names (whose addresses may be allowed by number
  /// too), the DNS these need, and one of the two worlds.
  private static func isDeclared(_ rule: PolicyRule) -> Bool {
    guard rule.dnsRules.isEmpty else { return true }
    return rule.peers?.allSatisfy { peer in
      switch peer {
      case .dnsName: true
      case .cidr(let cidr, _): rule.direction == .ingress && cidr.prefixLength == 0
      default: false
      }
    } ?? false
  }

  @Test("Order and repetition of the input change nothing", arguments: Seed.samples(200))
  func orderIndependence(_ seed: Seed) {
    for sample in Self.samples(seed) {
      let (input, proposal) = (sample.input, sample.proposal)
      let again = PolicySynthesizer.propose(RandomCluster.shuffled(input, seed))
      #expect(proposal.policySet == again.policySet)
      #expect(proposal.excess.map(\.detail) == again.excess.map(\.detail))
      #expect(proposal.size == again.size)
      #expect(proposal.notes == again.notes)
    }
  }

  @Test("Selectors hold stable labels only, and are never empty", arguments: Seed.samples(200))
  func stableSelectors(_ seed: Seed) {
    for sample in Self.samples(seed) {
      let (input, proposal) = (sample.input, sample.proposal)
      let own = input.workloads.filter { $0.namespace == input.namespace }.count
      for policy in proposal.policySet.policies {
        var selectors = policy.rules.flatMap { $0.peers ?? [] }.compactMap {
          peer -> LabelSelector? in
          if case .pods(let match) = peer { match.pods } else { nil }
        }
        for selector in selectors { #expect(selector != .everything) }
        #expect(policy.subject.pods != .everything || own > 1)
        selectors.append(policy.subject.pods)
        for requirement in selectors.flatMap(requirements) {
          #expect(!VolatileLabels.isDenied(requirement.key))
          #expect(KubernetesSyntax.isLabelKey(requirement.key))
          #expect(requirement.values.allSatisfy { KubernetesSyntax.isLabelValue($0) })
          for value in requirement.values {
            #expect(WorkloadClustering.isStableValue(value))
          }
        }
      }
    }
  }

  private func requirements(_ selector: LabelSelector) -> [LabelRequirement] {
    switch selector {
    case .requirement(let requirement): [requirement]
    case .all(let parts), .any(let parts): parts.flatMap(requirements)
    case .not(let part): requirements(part)
    }
  }

  @Test(
    "Each rule names the connections it allows; sizes and bounds fit",
    arguments: Seed.samples(200)
  )
  func evidenceAndSize(_ seed: Seed) {
    for sample in Self.samples(seed) {
      let (input, proposal) = (sample.input, sample.proposal)
      let policies = proposal.policySet.policies
      let rules = policies.flatMap(\.rules).count
      #expect(proposal.size.rules == rules)
      #expect(proposal.size.objects == policies.count)
      #expect(proposal.size.ruleLowerBound <= rules)
      #expect(proposal.ruleEvidence.count == rules)
      for entry in proposal.ruleEvidence {
        #expect(!entry.connections.isEmpty)
        #expect(entry.connections == Array(Set(entry.connections)).sorted())
        #expect(policies[entry.policy].rules.indices.contains(entry.rule))
      }
      #expect(Set(policies.map(\.name)).count == policies.count)
      for policy in policies {
        #expect(KubernetesSyntax.isDNSLabel(policy.name))
        #expect(policy.isolates == Set(policy.rules.map(\.direction)))
        #expect(policy.labels["app.kubernetes.io/managed-by"] == "flowlearn")
        #expect(policy.normalized().rules.count == policy.rules.count)
      }
      let compact = input.layout == .compact
      #expect(compact || proposal.size.isMinimal)
    }
  }
}
