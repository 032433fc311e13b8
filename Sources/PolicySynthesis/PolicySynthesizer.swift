import FlowAggregation
package import FlowModel
import PolicyModel

/// Proposes the minimal allow rules of a namespace for accepted connections.
///
/// Each connection is allowed on the egress side of its source and on the ingress side of its destination
/// where these are pods of the namespace; nothing else is, but for what the proposal lists as excess
/// or as declared infrastructure.
package enum PolicySynthesizer {
  /// The label all proposed objects carry.
  package static let managedBy: Labels = ["app.kubernetes.io/managed-by": "flowlearn"]
  /// The order of Calico policies with rules: before NetworkPolicy, which Calico evaluates at 1000.
  ///
  /// The default-deny has no order, so that it comes last.
  package static let calicoOrder = 500.0
  /// The name of the default-deny object.
  package static let defaultDenyName = "default-deny"

  /// The minimal proposal.
  ///
  /// - Returns: The same for the same evidence: neither the order of workloads nor that of connections
  ///   matters, except that indices follow it.
  /// - Complexity: Linear in workloads and connections, but for the search for the smallest rules,
  ///   which `searchBudget` bounds, and for the selectors of the namespaces that take part.
  package static func propose(_ input: SynthesisInput) -> Proposal {
    var table: PodClassTable?
    return propose(input, &table)
  }

  /// The minimal proposals for several namespaces, in the order given.
  ///
  /// The same as one by one, but quicker where consecutive inputs have the same workloads: selectors
  /// are then worked out once.
  package static func propose(_ inputs: [SynthesisInput]) -> [Proposal] {
    var table: PodClassTable?
    return inputs.map { propose($0, &table) }
  }

  private static func propose(_ input: SynthesisInput, _ table: inout PodClassTable?) -> Proposal {
    let home = HomeCluster.of(input.namespace, workloads: input.workloads)
    var start = table.take() ?? PodClassTable(workloads: input.workloads, home: home)
    if !start.isFor(input.workloads, home: home) {
      start = PodClassTable(workloads: input.workloads, home: home)
    }
    let collector = FactCollector(input, home: home, classes: start)
    var classes = collector.classes
    let own = classes.classes(in: input.namespace)
    let context = LayoutContext(
      namespace: input.namespace,
      classes: classes,
      names: PolicyNames(own, classes: classes, workloads: input.workloads),
      assembler: RuleAssembler(
        dialect: input.dialect,
        namespace: input.namespace,
        classes: classes,
        budget: input.searchBudget
      ),
      sites: collector.facts.sites.mapValues { $0.mapValues { Set($0.keys) } },
      dnsCells: collector.dnsCells,
      namedClients: collector.namedClients
    )
    table = classes
    let plan = self.plan(input, context)
    var draft = ProposalDraft(input, plan, classes)
    draft.link(collector.facts)

    var excess = ExcessListing(input, classes: classes)
    excess.addInseparable(collector.facts)
    excess.add(collector.openings, in: collector.facts)
    excess.addSharedNames(collector.facts)
    let observed = Set(
      input.connections.map {
        GrantedConnection(
          source: $0.source,
          destination: $0.destination,
          transport: $0.transport,
          port: $0.port
        )
      }
    )
    return Proposal(
      namespace: input.namespace,
      policySet: PolicySet(policies: draft.policies),
      ruleEvidence: draft.evidence,
      excess: excess.grants,
      unexpressible: listed(collector.unexpressible),
      needless: listed(
        collector.needless.filter { collector.unexpressible[$0.key] == nil }
      ),
      decisions: listed(collector.decisions),
      declared: Set(collector.declared).subtracting(observed).sorted(),
      worldConnections: collector.worldConnections,
      size: draft.size(ruleLowerBound: plan.ruleLowerBound),
      notes: notes(collector, classes, own: own)
    )
  }

  private static func plan(_ input: SynthesisInput, _ context: LayoutContext) -> LayoutPlan {
    var workloadLayout = WorkloadLayout(context)
    switch input.layout {
    case .workload: return workloadLayout.plan()
    case .compact:
      var layout = CompactLayout(context, budget: input.searchBudget)
      let compact = layout.plan()
      var plain = workloadLayout.plan()
      plain.ruleLowerBound = compact.ruleLowerBound
      return (plain.objects.count, plain.ruleCount) < (compact.objects.count, compact.ruleCount)
        ? plain : compact
    }
  }

  private static func listed(_ reasons: [Int: Set<String>]) -> [(connection: Int, reason: String)] {
    reasons.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted().joined(separator: "; ")) }
  }

  private static func notes(
    _ collector: FactCollector,
    _ classes: PodClassTable,
    own: [Int]
  ) -> [String] {
    var notes = collector.notes
    var taking = Set(own)
    for cells in collector.facts.sites.values {
      for case .pods(let peer) in cells.keys { taking.insert(peer) }
    }
    for podClass in taking.map({ classes.classes[$0] }) where podClass.members.count > 1 {
      let names = podClass.members.map { WorkloadText.name(collector.input.workloads[$0]) }
      notes.insert("no stable label tells these apart: \(names.joined(separator: ", "))")
    }
    return notes.sorted()
  }
}

/// The policies of a proposal with their evidence, while it is being put together.
private struct ProposalDraft {
  private let input: SynthesisInput
  private(set) var policies: [Policy] = []
  private(set) var evidence: [RuleEvidence] = []
  private var plans: [ObjectPlan?] = []

  init(_ input: SynthesisInput, _ plan: LayoutPlan, _ classes: PodClassTable) {
    self.input = input
    var entries: [(policy: Policy, plan: ObjectPlan?)] = []
    for object in ProposalDraft.uniquelyNamed(plan.objects, classes) {
      entries.append((policy(object), object))
    }
    if input.withDefaultDeny, KubernetesSyntax.isDNSLabel(input.namespace) {
      entries.append((defaultDeny, nil))
    }
    entries.sort { $0.policy.name < $1.policy.name }
    policies = entries.map(\.policy)
    plans = entries.map(\.plan)
  }

  /// Objects for several classes may have been named like one for another class.
  private static func uniquelyNamed(
    _ objects: [ObjectPlan],
    _ classes: PodClassTable
  ) -> [ObjectPlan] {
    let counts = objects.reduce(into: [String: Int]()) { $0[$1.name, default: 0] += 1 }
    return objects.map { object in
      guard counts[object.name] ?? 0 > 1, object.subjects.count > 1 else { return object }
      var object = object
      let subjects = object.subjects.flatMap { classes.classes[$0].order }
      object.name += "-" + PolicyNames.digest(subjects.joined(separator: "\n"))
      return object
    }
  }

  private var kind: PolicyKind {
    switch input.dialect {
    case .kubernetes: .networkPolicy
    case .cilium: .ciliumNetworkPolicy
    case .calico: .calicoNetworkPolicy
    }
  }

  private func policy(_ object: ObjectPlan) -> Policy {
    Policy(
      kind: kind,
      name: object.name,
      namespace: input.namespace,
      labels: PolicySynthesizer.managedBy,
      subject: PodMatch(pods: object.selector),
      isolates: Set(object.rules.map(\.rule.direction)),
      rules: object.rules.map(\.rule),
      order: input.dialect == .calico ? PolicySynthesizer.calicoOrder : nil
    )
  }

  private var defaultDeny: Policy {
    Policy(
      kind: kind,
      name: PolicySynthesizer.defaultDenyName,
      namespace: input.namespace,
      labels: PolicySynthesizer.managedBy,
      subject: PodMatch(pods: .everything),
      isolates: [.ingress, .egress],
      rules: []
    )
  }

  /// Finds the connections each rule is there for.
  mutating func link(_ facts: FactTable) {
    for (policy, plan) in plans.enumerated() {
      guard let plan else { continue }
      for (rule, assembled) in plan.rules.enumerated() {
        var connections: Set<Int> = []
        for subject in plan.subjects {
          let site = Site(subject: subject, direction: assembled.rule.direction)
          for cell in assembled.cells {
            connections.formUnion(facts.connections(site, cell.peer, cell.port))
          }
        }
        evidence.append(
          RuleEvidence(policy: policy, rule: rule, connections: connections.sorted())
        )
      }
    }
  }

  func size(ruleLowerBound: Int) -> ProposalSize {
    var size = ProposalSize(
      objects: policies.count,
      rules: 0,
      peers: 0,
      requirements: 0,
      ruleLowerBound: ruleLowerBound
    )
    for policy in policies {
      size.requirements += ProposalDraft.requirements(policy.subject.pods)
      size.rules += policy.rules.count
      for peer in policy.rules.flatMap({ $0.peers ?? [] }) {
        guard case .pods(let match) = peer else {
          size.peers += 1
          continue
        }
        size.requirements += ProposalDraft.requirements(match.pods)
        if case .any(let parts) = match.pods {
          size.peers += parts.count
        } else {
          size.peers += 1
        }
      }
    }
    return size
  }

  private static func requirements(_ selector: LabelSelector) -> Int {
    switch selector {
    case .requirement: 1
    case .all(let parts), .any(let parts): parts.reduce(0) { $0 + requirements($1) }
    case .not(let part): requirements(part)
    }
  }
}
