import FlowModel
import PolicyModel

/// The peers of a rule, made ready to be tested against endpoints.
struct PeerMatcher: Sendable {
  /// The result of a test.
  struct Match: Hashable, Sendable {
    /// By anything but DNS names.
    var level: MatchLevel
    /// Whether a DNS name or pattern of the rule fits a name of the endpoint.
    var byName: Bool

    /// Whether it is worth looking further.
    var isAny: Bool { level != .none || byName }
  }

  /// What makes two rules' peers the same.
  struct Key: Hashable {
    /// The peers as written; nil for everyone.
    var peers: [PolicyPeer]?
    /// The namespace that `.own` stands for.
    var namespace: String?

    /// Long lists differ at their ends or in length; hashing all of them would cost more.
    func hash(into hasher: inout Hasher) {
      hasher.combine(namespace)
      hasher.combine(peers?.count)
      hasher.combine(peers?.first)
      hasher.combine(peers?.last)
    }
  }

  /// Whether every endpoint matches.
  let isEveryone: Bool
  /// Pod peers, `.own` resolved.
  let pods: [PodMatch]
  /// Prefix peers together.
  let addresses: AddressRanges
  /// Entity peers.
  let entities: [ReservedEntity]
  /// Calico's conjunctions.
  let tests: [EndpointTest]
  /// DNS names, normalized.
  let names: [String]
  private let patterns: [DNSPattern]
  /// The engine whose semantics count.
  let engine: EngineSemantics

  /// Prepares peers.
  init(_ key: Key, engine: EngineSemantics) {
    self.engine = engine
    isEveryone = key.peers == nil
    let peers = key.peers ?? []
    var pods: [PodMatch] = []
    var entities: [ReservedEntity] = []
    var names: [String] = []
    var patterns: [DNSPattern] = []
    var tests: [EndpointTest] = []
    for peer in peers {
      switch peer {
      case .pods(let match):
        pods.append(PeerMatcher.resolved(match, own: key.namespace))
      case .entity(let entity): entities.append(entity)
      case .dnsName(let name): names.append(DNSPattern.normalized(name))
      case .dnsPattern(let pattern): patterns.append(DNSPattern(pattern))
      case .match(let match): tests.append(EndpointTest(match, own: key.namespace))
      case .cidr: break
      }
    }
    self.pods = pods
    self.entities = entities
    self.names = names
    self.patterns = patterns
    self.tests = tests
    addresses = AddressRanges(peers)
  }

  /// A match with `.own` replaced by the policy's namespace; cluster-wide policies own every one.
  static func resolved(_ match: PodMatch, own: String?) -> PodMatch {
    guard match.namespaces == .own else { return match }
    return PodMatch(namespaces: own.map { .named([$0]) } ?? .all, pods: match.pods)
  }

  /// Whether there are DNS patterns.
  var hasPatterns: Bool { !patterns.isEmpty }

  /// Tests an endpoint.
  func match(_ endpoint: PolicyEndpoint) -> Match {
    if isEveryone { return Match(level: .whole, byName: false) }
    if endpoint.isPod, pods.contains(where: { PeerMatcher.selects($0, endpoint) }) {
      return Match(level: .whole, byName: false)
    }
    if entities.contains(where: { $0.holds(endpoint) }) {
      return Match(level: .whole, byName: false)
    }
    let level = tests.reduce(coverage(of: endpoint)) { max($0, $1.level(of: endpoint)) }
    return Match(level: level, byName: matchesName(of: endpoint) { _ in true })
  }

  /// Whether a name of the endpoint fits, counting only names that pass a test.
  func matchesName(of endpoint: PolicyEndpoint, where isKnown: (String) -> Bool) -> Bool {
    if names.isEmpty && patterns.isEmpty { return false }
    // Names are learned as external addresses, so they never stand for something in the cluster.
    if engine == .cilium, !endpoint.isOutside { return false }
    return endpoint.dnsNames.contains { name in
      let normal = DNSPattern.normalized(name)
      return (names.contains(normal) || patterns.contains { $0.matches(normal) }) && isKnown(normal)
    }
  }

  private func coverage(of endpoint: PolicyEndpoint) -> MatchLevel {
    guard addresses.coversAny else { return .none }
    switch engine {
    case .reference: if endpoint.isPod { return .none }
    case .cilium: if !endpoint.isOutside { return .none }
    case .calico: break
    }
    if !endpoint.addresses.isEmpty { return addresses.coverage(of: endpoint.addresses) }
    // Calico matches anything by address: a pod whose address is not known may be meant.
    guard endpoint.isOutside || engine == .calico else { return .none }
    let unknown = endpoint.unknownAddresses
    if engine == .cilium {
      // The identity `world` is what the whole-world prefix selects, exceptions or not.
      let isNamed =
        unknown.address.isIPv6 ? addresses.namesWholeIPv6 : addresses.namesWholeIPv4
      if isNamed { return .whole }
    }
    return addresses.coverageOfUnknown(endpoint)
  }

  /// Whether a pod match selects a pod.
  static func selects(_ match: PodMatch, _ pod: PolicyEndpoint) -> Bool {
    selects(match.namespaces, pod) && match.pods.matches(pod.labels)
  }

  /// Whether a pod's namespace is among the meant ones; `.own` must have been resolved.
  static func selects(_ namespaces: NamespaceMatch, _ pod: PolicyEndpoint) -> Bool {
    switch namespaces {
    case .own: false
    case .all: true
    case .named(let names): names.contains(pod.namespace)
    case .selector(let selector): selector.matches(pod.completeNamespaceLabels)
    }
  }
}

extension AddressRanges {
  /// How much of an endpoint is covered whose address is not known.
  ///
  /// What lies in the cluster has some private address, which may lie in a prefix or not: enough for
  /// a deny, not for an allow.
  func coverageOfUnknown(_ endpoint: PolicyEndpoint) -> MatchLevel {
    if endpoint.isOutside { return coverage(of: endpoint.unknownAddresses) }
    return coverage(of: AddressRanges.insidePrefixes) == .none ? .none : .part
  }

  /// Where pods and nodes have their addresses.
  private static let insidePrefixes: [CIDR] = [
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7",
  ].compactMap { CIDR($0) }
}

extension ReservedEntity {
  /// Whether an endpoint belongs to the entity.
  func holds(_ endpoint: PolicyEndpoint) -> Bool {
    switch self {
    case .all: return true
    case .none: return false
    case .cluster: return !endpoint.isOutside
    case .world: return endpoint.isOutside
    case .worldIPv4: return endpoint.isOutside && endpoint.hasFamily(isIPv6: false)
    case .worldIPv6: return endpoint.isOutside && endpoint.hasFamily(isIPv6: true)
    case .host, .remoteNode, .kubeAPIServer, .ingress, .health, .`init`, .unmanaged:
      return endpoint.entities.contains(self)
    }
  }

  /// Whether the entity lies inside the cluster.
  var isInCluster: Bool {
    switch self {
    case .host, .remoteNode, .ingress, .cluster, .health, .`init`, .unmanaged: true
    case .kubeAPIServer, .world, .worldIPv4, .worldIPv6, .all, .none: false
    }
  }

  /// Whether the entity lies outside the cluster.
  var isWorld: Bool { self == .world || self == .worldIPv4 || self == .worldIPv6 }
}

extension PolicyEndpoint {
  /// Whether it lies outside the cluster.
  ///
  /// The API server does only where it is said to belong to the world; anything else that is neither
  /// a pod nor in the cluster does.
  package var isOutside: Bool {
    if isPod || entities.contains(where: \.isInCluster) { return false }
    return !entities.contains(.kubeAPIServer) || entities.contains(where: \.isWorld)
  }

  /// Whether an external endpoint is, or may be, of an address family.
  func hasFamily(isIPv6: Bool) -> Bool {
    if addresses.isEmpty {
      let hasOther = entities.contains(isIPv6 ? .worldIPv4 : .worldIPv6)
      return entities.contains(isIPv6 ? .worldIPv6 : .worldIPv4) || !hasOther
    }
    return addresses.contains { $0.address.isIPv6 == isIPv6 }
  }

  /// What an endpoint without a known address may be: any address of its family.
  var unknownAddresses: CIDR {
    let isIPv6 = entities.contains(.worldIPv6) && !entities.contains(.worldIPv4)
    return isIPv6 ? .worldIPv6 : .worldIPv4
  }

  /// The labels of a pod's namespace with the name label every namespace carries.
  var completeNamespaceLabels: Labels {
    let key = "kubernetes.io/metadata.name"
    guard namespaceLabels[key] == nil else { return namespaceLabels }
    var labels = namespaceLabels
    labels[key] = namespace
    return labels
  }
}
