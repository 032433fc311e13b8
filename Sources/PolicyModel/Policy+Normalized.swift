import FlowModel

extension Policy {
  /// The form in which the policy is written and read back in its own dialect.
  ///
  /// Rules are grouped as manifests group them (ingress first; for Cilium allows before denials),
  /// split where the dialect needs several rules for one (Calico: one peer and one protocol each;
  /// Cilium: one kind of peer each, ICMP apart), and freed of repetitions; rules that match nobody
  /// are left out. Decisions do not change, nor does what the dialect cannot say: that is kept for
  /// the writer to refuse.
  package func normalized() -> Policy {
    var result = self
    result.subject = subject.normalized()
    if kind.isNamespaced, let namespace, result.subject.namespaces == .named([namespace]) {
      result.subject.namespaces = .own
    }
    if kind.isStaged {
      result.stagedAction = stagedAction ?? "Set"
    }
    let split = rules.flatMap { rule in
      switch kind {
      case .networkPolicy, .calicoStagedKubernetesNetworkPolicy: rule.tidied().map { [$0] } ?? []
      case .ciliumNetworkPolicy, .ciliumClusterwideNetworkPolicy:
        rule.tidied()?.splitForCilium() ?? []
      default: rule.tidied()?.splitForCalico() ?? []
      }
    }
    result.rules = []
    for direction in Direction.allCases {
      let own = split.filter { $0.direction == direction }
      guard kind.dialect == .cilium else {
        result.rules += own
        continue
      }
      result.rules += own.filter { $0.action != .deny } + own.filter { $0.action == .deny }
    }
    return result
  }
}

extension NamespaceMatch {
  /// The one form that all spellings share: names instead of a test of
  /// `kubernetes.io/metadata.name`, `.all` instead of an empty selector.
  package func normalized() -> NamespaceMatch {
    switch self {
    case .own, .all: return self
    case .named(let names):
      return names.count > 1 ? .named(Array(Set(names)).sorted()) : self
    case .selector(let selector):
      let simple = selector.normalized()
      if simple == .everything { return .all }
      if case .any(let parts) = simple, parts.isEmpty { return .named([]) }
      if let parts = simple.conjunction, parts.count == 1,
        parts[0].key == NamespaceMatch.nameLabel, parts[0].operation == .in
      {
        return .named(parts[0].values)
      }
      return .selector(simple)
    }
  }

  /// The label that every namespace carries with its own name.
  package static let nameLabel = "kubernetes.io/metadata.name"
}

extension PodMatch {
  /// Both parts in their one form.
  package func normalized() -> PodMatch {
    PodMatch(namespaces: namespaces.normalized(), pods: pods.normalized())
  }
}

extension EndpointMatch {
  /// The one form that all spellings share.
  package func normalized() -> EndpointMatch {
    EndpointMatch(
      pods: pods?.normalized(),
      notPods: notPods?.normalized(),
      nets: nets?.unique(),
      notNets: notNets.unique()
    )
  }

  /// The peers that say the same, where simpler ones can; itself otherwise.
  fileprivate var peers: [PolicyPeer] {
    guard notPods == nil else { return [.match(self)] }
    switch (pods, nets) {
    case (let pods?, nil) where notNets.isEmpty: return [.pods(pods)]
    case (nil, let nets?) where notNets.isEmpty: return nets.map { .cidr($0, except: []) }
    case (nil, let nets?) where nets.count == 1 && notNets.allSatisfy(nets[0].contains):
      return [.cidr(nets[0], except: notNets)]
    default: return [.match(self)]
    }
  }
}

// MARK: - Rules

extension PolicyRule {
  /// The rule without repetitions and with simple forms; nil when it matches nothing.
  fileprivate func tidied() -> PolicyRule? {
    var result = self
    if let subjectMatch {
      let match = subjectMatch.normalized()
      if match.nets?.isEmpty == true { return nil }
      result.subjectMatch = match.isEmpty ? nil : match
    }
    if let peers {
      var simple: [PolicyPeer] = []
      simple.reserveCapacity(peers.count)
      for peer in peers { peer.addSimplified(to: &simple) }
      result.peers = simple.contains(where: \.isEveryone) ? nil : simple.unique()
      if result.peers?.isEmpty == true { return nil }
    }
    if let ports {
      let simple = ports.map { $0.simplified() }.unique()
      result.ports = simple.contains { $0.transport == nil && $0.match == .any } ? nil : simple
      if result.ports?.isEmpty == true { return nil }
    }
    result.notPorts = notPorts.map { $0.simplified() }.unique()
    result.dnsRules = dnsRules.unique()
    return result
  }

  fileprivate func splitForCilium() -> [PolicyRule] {
    var peerGroups: [[PolicyPeer]?] = [nil]
    if let peers {
      let groups = Dictionary(grouping: peers, by: \.ciliumGroup)
      peerGroups = groups.sorted { $0.key < $1.key }.map(\.value)
    } else if ports == nil, dnsRules.isEmpty {
      peerGroups = [[.entity(.all)]]
    }
    var portGroups: [[PolicyPort]?] = [nil]
    if let ports {
      let icmp = ports.filter { $0.transport?.isICMP ?? false }
      let others = ports.filter { !($0.transport?.isICMP ?? false) }
      portGroups = [others, icmp].filter { !$0.isEmpty }
    }
    return peerGroups.flatMap { peers in
      portGroups.map { ports in
        var rule = self
        rule.peers = peers
        rule.ports = ports
        if ports?.first?.transport?.isICMP ?? false { rule.dnsRules = [] }
        return rule
      }
    }
  }

  fileprivate func splitForCalico() -> [PolicyRule] {
    var peerGroups: [[PolicyPeer]?] = [nil]
    if let peers {
      peerGroups = []
      for peer in peers {
        // Plain prefixes of one family share a rule; Calico takes no mixed families.
        if case .cidr(let prefix, let except) = peer, except.isEmpty {
          let index = peerGroups.firstIndex { group in
            guard case .cidr(let first, let excepted)? = group?.first else { return false }
            return excepted.isEmpty && first.address.isIPv6 == prefix.address.isIPv6
          }
          if let index {
            peerGroups[index]?.append(peer)
            continue
          }
        }
        peerGroups.append([peer])
      }
    }
    let portGroups = ports.map(PolicyPort.calicoGroups) ?? [nil]
    return peerGroups.flatMap { peers in
      portGroups.map { ports in
        var rule = self
        rule.peers = peers
        rule.ports = ports
        if let transport = ports?.first?.transport {
          rule.notPorts = notPorts.filter { $0.transport == transport }
        }
        return rule
      }
    }
  }
}

extension PolicyPeer {
  /// Adds what it says in simple forms: nothing where it matches nobody.
  fileprivate func addSimplified(to peers: inout [PolicyPeer]) {
    switch self {
    case .pods(let match): peers.append(.pods(match.normalized()))
    case .cidr(let prefix, let except): peers.append(.cidr(prefix, except: except.unique()))
    case .match(let match):
      let simple = match.normalized()
      if simple.nets?.isEmpty != true { peers += simple.peers }
    case .dnsName(let name): peers.append(.dnsName(name.asDNSQuery))
    case .dnsPattern(let pattern):
      let text = pattern.asDNSQuery
      peers.append(text.contains("*") ? .dnsPattern(text) : .dnsName(text))
    case .entity: peers.append(self)
    }
  }

  fileprivate var isEveryone: Bool {
    if case .match(let match) = self { match.isEmpty } else { false }
  }

  /// Peers of different groups cannot share a Cilium rule.
  fileprivate var ciliumGroup: Int {
    switch self {
    case .pods: 0
    case .entity(.worldIPv4), .entity(.worldIPv6): 1
    case .entity: 2
    case .cidr: 3
    case .dnsName, .dnsPattern: 4
    case .match: 5
    }
  }
}

extension PolicyPort {
  fileprivate func simplified() -> PolicyPort {
    PolicyPort(transport: transport, match: match == .icmp(type: nil, code: nil) ? .any : match)
  }

  /// One group per protocol, but one per ICMP type; a whole protocol swallows its ports.
  fileprivate static func calicoGroups(_ ports: [PolicyPort]) -> [[PolicyPort]?] {
    var groups: [[PolicyPort]] = []
    for port in ports {
      guard let index = groups.firstIndex(where: { $0[0].transport == port.transport }) else {
        groups.append([port])
        continue
      }
      if groups[index][0].match == .any { continue }
      if port.match == .any {
        groups.removeAll { $0[0].transport == port.transport }
        groups.insert([port], at: min(index, groups.count))
      } else if port.transport?.isICMP ?? false {
        groups.append([port])
      } else {
        groups[index].append(port)
      }
    }
    return groups
  }
}

extension String {
  /// The name as DNS compares it: lower case, without the root's dot.
  fileprivate var asDNSQuery: String {
    let lower = lowercased()
    return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
  }
}

extension Array where Element: Hashable {
  /// The elements in order, each once.
  fileprivate func unique() -> [Element] {
    // Most lists are short: comparing is cheaper than hashing.
    if count <= 8 {
      let isUnique = indices.allSatisfy { index in !self[..<index].contains(self[index]) }
      if isUnique { return self }
    }
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
