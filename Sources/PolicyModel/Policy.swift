package import FlowModel

/// A family of policy objects and the engine semantics that go with it.
package enum PolicyDialect: String, Sendable, CaseIterable {
  /// networking.k8s.io/v1 NetworkPolicy.
  case kubernetes
  /// cilium.io/v2 CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy.
  case cilium
  /// projectcalico.org/v3 NetworkPolicy, GlobalNetworkPolicy and their Staged forms.
  case calico
}

/// The kind of a policy object.
package enum PolicyKind: String, Sendable, CaseIterable {
  /// networking.k8s.io/v1.
  case networkPolicy
  /// cilium.io/v2 CiliumNetworkPolicy.
  case ciliumNetworkPolicy
  /// cilium.io/v2 CiliumClusterwideNetworkPolicy.
  case ciliumClusterwideNetworkPolicy
  /// projectcalico.org/v3 NetworkPolicy.
  case calicoNetworkPolicy
  /// projectcalico.org/v3 GlobalNetworkPolicy.
  case calicoGlobalNetworkPolicy
  /// projectcalico.org/v3 StagedNetworkPolicy.
  case calicoStagedNetworkPolicy
  /// projectcalico.org/v3 StagedGlobalNetworkPolicy.
  case calicoStagedGlobalNetworkPolicy
  /// projectcalico.org/v3 StagedKubernetesNetworkPolicy.
  case calicoStagedKubernetesNetworkPolicy

  /// The dialect it belongs to.
  package var dialect: PolicyDialect {
    switch self {
    case .networkPolicy: .kubernetes
    case .ciliumNetworkPolicy, .ciliumClusterwideNetworkPolicy: .cilium
    default: .calico
    }
  }

  /// The `kind` of the manifest.
  package var manifestKind: String {
    switch self {
    case .networkPolicy, .calicoNetworkPolicy: "NetworkPolicy"
    case .ciliumNetworkPolicy: "CiliumNetworkPolicy"
    case .ciliumClusterwideNetworkPolicy: "CiliumClusterwideNetworkPolicy"
    case .calicoGlobalNetworkPolicy: "GlobalNetworkPolicy"
    case .calicoStagedNetworkPolicy: "StagedNetworkPolicy"
    case .calicoStagedGlobalNetworkPolicy: "StagedGlobalNetworkPolicy"
    case .calicoStagedKubernetesNetworkPolicy: "StagedKubernetesNetworkPolicy"
    }
  }

  /// Whether objects of the kind live in a namespace.
  package var isNamespaced: Bool {
    switch self {
    case .ciliumClusterwideNetworkPolicy, .calicoGlobalNetworkPolicy,
      .calicoStagedGlobalNetworkPolicy:
      false
    default: true
    }
  }

  /// Whether the object only announces what it would do.
  package var isStaged: Bool {
    switch self {
    case .calicoStagedNetworkPolicy, .calicoStagedGlobalNetworkPolicy,
      .calicoStagedKubernetesNetworkPolicy:
      true
    default: false
    }
  }
}

/// Which namespaces a peer or subject is taken from.
package enum NamespaceMatch: Hashable, Sendable {
  /// The policy's own namespace.
  case own
  /// Every namespace.
  case all
  /// Namespaces by name, sorted; rendered through `kubernetes.io/metadata.name` where labels are needed.
  ///
  /// Empty: no namespace, which no pod has (Calico's `global()`).
  case named([String])
  /// Namespaces by their labels.
  case selector(LabelSelector)
}

/// Pods by namespace and labels.
package struct PodMatch: Hashable, Sendable {
  /// The namespaces.
  package var namespaces: NamespaceMatch
  /// The pods in them.
  package var pods: LabelSelector

  /// Makes a match.
  package init(namespaces: NamespaceMatch = .own, pods: LabelSelector) {
    self.namespaces = namespaces
    self.pods = pods
  }
}

/// Cilium's reserved entities (and what the other dialects can say of them).
package enum ReservedEntity: String, Sendable, CaseIterable, Comparable {
  /// The local node.
  case host
  /// Other nodes.
  case remoteNode = "remote-node"
  /// The Kubernetes API server.
  case kubeAPIServer = "kube-apiserver"
  /// Cilium's ingress proxy.
  case ingress
  /// Outside the cluster.
  case world
  /// Outside the cluster, IPv4.
  case worldIPv4 = "world-ipv4"
  /// Outside the cluster, IPv6.
  case worldIPv6 = "world-ipv6"
  /// All endpoints, hosts and nodes of the cluster.
  case cluster
  /// Cilium's health endpoints.
  case health
  /// Pods before they have labels.
  case `init`
  /// Pods not managed by the CNI.
  case unmanaged
  /// Everything.
  case all
  /// Nothing.
  case none

  /// By raw value.
  package static func < (left: ReservedEntity, right: ReservedEntity) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// Calico: tests on one end of a connection, all of which must pass.
package struct EndpointMatch: Hashable, Sendable {
  /// The end must be one of these pods; nil: no such test.
  package var pods: PodMatch?
  /// The end must not be a pod with such labels (`notSelector`); nil: no such test.
  ///
  /// Alone it also lets every end pass that is not a pod.
  package var notPods: LabelSelector?
  /// One of the end's addresses must lie in one of these prefixes; nil: no such test.
  package var nets: [CIDR]?
  /// None of the end's addresses may lie in one of these prefixes.
  package var notNets: [CIDR]

  /// Makes a match.
  package init(
    pods: PodMatch? = nil,
    notPods: LabelSelector? = nil,
    nets: [CIDR]? = nil,
    notNets: [CIDR] = []
  ) {
    self.pods = pods
    self.notPods = notPods
    self.nets = nets
    self.notNets = notNets
  }

  /// Whether there is no test at all, so that everything passes.
  package var isEmpty: Bool {
    pods == nil && notPods == nil && nets == nil && notNets.isEmpty
  }
}

/// One peer of a rule; a rule's peers are alternatives.
package enum PolicyPeer: Hashable, Sendable {
  /// Pods.
  case pods(PodMatch)
  /// Addresses less the exceptions.
  case cidr(CIDR, except: [CIDR])
  /// A reserved entity.
  case entity(ReservedEntity)
  /// A DNS name (egress only); no trailing dot.
  case dnsName(String)
  /// A DNS pattern with `*` (egress only).
  case dnsPattern(String)
  /// Calico: a conjunction that the other cases cannot say (pods by address, negations).
  indirect case match(EndpointMatch)
}

/// One entry of a rule's port list.
package struct PolicyPort: Hashable, Sendable {
  /// Which ports.
  package enum Match: Hashable, Sendable {
    /// Every port of the protocol.
    case any
    /// An inclusive range.
    case range(UInt16, UInt16)
    /// A container port name.
    case named(String)
    /// An ICMP type (nil: every type) and code (nil: every code).
    case icmp(type: UInt8?, code: UInt8?)
  }

  /// The protocol; nil matches every protocol (then `match` is `.any`).
  package var transport: TransportProtocol?
  /// The ports.
  package var match: Match

  /// Makes an entry.
  package init(transport: TransportProtocol?, match: Match) {
    self.transport = transport
    self.match = match
  }

  /// One port.
  package init(_ transport: TransportProtocol, _ port: UInt16) {
    self.init(transport: transport, match: .range(port, port))
  }
}

/// What a rule does.
package enum RuleAction: String, Sendable {
  /// Allow.
  case allow
  /// Deny.
  case deny
  /// Calico: leave the tier and go on with the next one.
  case pass
  /// Calico: log and go on with the next rule.
  case log
}

/// One rule of a policy, in one direction.
package struct PolicyRule: Hashable, Sendable {
  /// The direction, seen from the subject.
  package var direction: Direction
  /// What it does.
  package var action: RuleAction
  /// Alternatives; nil means every peer, an empty list nobody.
  package var peers: [PolicyPeer]?
  /// Alternatives; nil means every port of every protocol.
  package var ports: [PolicyPort]?
  /// Cilium: DNS patterns of an L7 DNS rule on this rule's ports (`*` for all); empty when none.
  package var dnsRules: [String]
  /// Calico: destination ports the rule does not hold for, besides `ports`; empty when none.
  package var notPorts: [PolicyPort]
  /// Calico: a further test on the subject's own end (`destination` of an ingress rule, `source` of
  /// an egress rule); nil when none.
  package var subjectMatch: EndpointMatch?

  /// Makes a rule.
  package init(
    direction: Direction,
    action: RuleAction = .allow,
    peers: [PolicyPeer]?,
    ports: [PolicyPort]?,
    dnsRules: [String] = [],
    notPorts: [PolicyPort] = [],
    subjectMatch: EndpointMatch? = nil
  ) {
    self.direction = direction
    self.action = action
    self.peers = peers
    self.ports = ports
    self.dnsRules = dnsRules
    self.notPorts = notPorts
    self.subjectMatch = subjectMatch
  }
}

/// One policy object, in a form that all dialects share.
package struct Policy: Hashable, Sendable {
  /// The object's kind.
  package var kind: PolicyKind
  /// `metadata.name`.
  package var name: String
  /// `metadata.namespace`; nil for cluster-wide kinds.
  package var namespace: String?
  /// `metadata.labels`.
  package var labels: Labels
  /// `metadata.annotations`.
  package var annotations: Labels
  /// The pods the policy applies to; for cluster-wide kinds `namespaces` is `.all` or a selector.
  package var subject: PodMatch
  /// Directions in which the subject is put under default deny (Kubernetes `policyTypes`, Calico `types`,
  /// Cilium: sections present and default deny not switched off).
  package var isolates: Set<Direction>
  /// The rules in the order written.
  package var rules: [PolicyRule]
  /// Calico: the tier's name; `default` elsewhere.
  package var tier: String
  /// Calico: the order within the tier; nil is last.
  package var order: Double?
  /// Calico staged kinds: `Set`, `Delete`, `Learn` or `Ignore`; else nil.
  package var stagedAction: String?
  /// Cilium: the position in `specs` of an object that holds several policies, from 0; else nil.
  package var section: Int?

  /// Makes a policy.
  package init(
    kind: PolicyKind,
    name: String,
    namespace: String?,
    labels: Labels = [:],
    annotations: Labels = [:],
    subject: PodMatch,
    isolates: Set<Direction>,
    rules: [PolicyRule],
    tier: String = "default",
    order: Double? = nil,
    stagedAction: String? = nil,
    section: Int? = nil
  ) {
    self.kind = kind
    self.name = name
    self.namespace = namespace
    self.labels = labels
    self.annotations = annotations
    self.subject = subject
    self.isolates = isolates
    self.rules = rules
    self.tier = tier
    self.order = order
    self.stagedAction = stagedAction
    self.section = section
  }
}

/// A Calico tier.
package struct PolicyTier: Hashable, Sendable {
  /// `metadata.name`.
  package var name: String
  /// `spec.order`; nil is last.
  package var order: Double?
  /// Whether `spec.defaultAction` is `Pass` instead of `Deny`.
  package var passesByDefault: Bool

  /// Makes a tier.
  package init(name: String, order: Double?, passesByDefault: Bool = false) {
    self.name = name
    self.order = order
    self.passesByDefault = passesByDefault
  }
}

/// All policies that hold at a time.
package struct PolicySet: Hashable, Sendable {
  /// The policies; name and section are unique per kind and namespace.
  package var policies: [Policy]
  /// Calico tiers beyond `default`.
  package var tiers: [PolicyTier]

  /// Makes a set.
  package init(policies: [Policy] = [], tiers: [PolicyTier] = []) {
    self.policies = policies
    self.tiers = tiers
  }
}
