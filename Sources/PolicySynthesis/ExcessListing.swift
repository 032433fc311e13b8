import FlowAggregation
import FlowModel
import PolicyModel

/// Lists what rules admit beyond the evidence because nothing tighter could be said.
struct ExcessListing {
  private let input: SynthesisInput
  private let classes: PodClassTable
  private var found: [Key: [GrantedConnection]] = [:]
  private var sizes: [Key: Int] = [:]

  private struct Key: Hashable {
    var reason: ExcessGrant.Reason
    var detail: String
  }

  /// Prepares a listing.
  init(_ input: SynthesisInput, classes: PodClassTable) {
    self.input = input
    self.classes = classes
  }

  /// The grants, largest first.
  var grants: [ExcessGrant] {
    found.map { key, connections in
      let unique = Set(connections).sorted()
      return ExcessGrant(
        reason: key.reason,
        detail: key.detail,
        size: sizes[key] ?? unique.count,
        grants: unique
      )
    }.sorted { left, right in
      left.size != right.size
        ? left.size > right.size
        : (left.reason.rawValue, left.detail) < (right.reason.rawValue, right.detail)
    }
  }

  // MARK: - Pods

  /// Lists pairs that are admitted only because labels do not tell workloads apart.
  mutating func addInseparable(_ facts: FactTable) {
    for (site, cells) in facts.sites {
      for (peer, ports) in cells {
        let subjects = matched(.pods(site.subject))
        let peers = matched(peer)
        guard subjects.count > 1 || peers.count > 1 else { continue }
        for (port, connections) in ports {
          addUnseen(site.direction, subjects, peer, peers, port, connections)
        }
      }
    }
  }

  private mutating func addUnseen(
    _ direction: Direction,
    _ subjects: [Int?],
    _ peer: PeerAtom,
    _ peers: [Int?],
    _ port: PortAtom,
    _ connections: [Int]
  ) {
    struct Pair: Hashable {
      var subject: Int?
      var peer: Int?
    }
    var seen: Set<Pair> = []
    var endpoints: [Int: Set<Endpoint>] = [:]
    for index in connections {
      let connection = input.connections[index]
      let isEgress = direction == .egress
      let own = isEgress ? connection.source : connection.destination
      guard case .workload(let subject) = own else { continue }
      switch isEgress ? connection.destination : connection.source {
      case .workload(let other):
        seen.insert(Pair(subject: subject, peer: peers == [nil] ? nil : other))
      case .other(let endpoint):
        // The API server is one peer, and an entity too, whatever addresses the log gives it.
        let isOne = endpoint.kind == .apiServer || peer.isEntity
        endpoints[subject, default: []].insert(isOne ? Endpoint(kind: .apiServer) : endpoint)
      }
    }
    // A prefix or name joins what was seen of all: who saw a part of it only gets more.
    let everything = endpoints.values.reduce(into: Set<Endpoint>()) { $0.formUnion($1) }
    for (subject, own) in endpoints where own == everything {
      seen.insert(Pair(subject: subject, peer: nil))
    }
    for subject in subjects {
      for other in peers where !seen.contains(Pair(subject: subject, peer: other)) {
        guard let subject else { continue }
        let verb = direction == .egress ? "may also reach" : "may also be reached by"
        let key = Key(
          reason: .indistinguishable,
          detail: "\(name(subject)) \(verb) \(other.map(name) ?? text(peer))"
        )
        found[key, default: []].append(
          connection(direction, subject, other.map(ConnectionEnd.workload) ?? end(peer), port)
        )
      }
    }
  }

  /// The workloads that a peer selects; one nil for a peer that is no pod.
  private func matched(_ peer: PeerAtom) -> [Int?] {
    guard case .pods(let number) = peer else { return [nil] }
    return classes.classes[number].matched
  }

  // MARK: - Prefixes and entities

  /// Lists prefixes and entities that open more than was seen.
  mutating func add(_ openings: Set<FactCollector.Opening>, in facts: FactTable) {
    for opening in openings {
      // A wider prefix on the same port may have taken it over.
      guard !facts.connections(opening.site, opening.peer, opening.port).isEmpty else { continue }
      let subjects = classes.classes[opening.site.subject].members
      let verb = opening.site.direction == .egress ? "may reach" : "may be reached by"
      let what =
        opening.seenCount > 1
        ? "\(text(opening.peer)) (\(opening.seenCount) seen)" : text(opening.peer)
      let key = Key(
        reason: opening.reason,
        detail: "\(subjects.map(name).joined(separator: ", ")) \(verb) \(what) on "
          + opening.port.text
      )
      for subject in subjects {
        found[key, default: []].append(
          connection(opening.site.direction, subject, end(opening.peer), opening.port)
        )
      }
      switch opening.peer {
      case .cidr(let cidr): sizes[key] = cidr.sizeExponent
      case .entity(.world): sizes[key] = CIDR.worldIPv6.sizeExponent
      case .entity(.worldIPv4): sizes[key] = CIDR.worldIPv4.sizeExponent
      case .entity(.worldIPv6): sizes[key] = CIDR.worldIPv6.sizeExponent
      case .entity, .pods, .name: break
      }
    }
  }

  // MARK: - Names

  /// Lists external peers that a name rule admits for a class because they share a name with a peer
  /// that the class was seen with.
  mutating func addSharedNames(_ facts: FactTable) {
    struct Named: Hashable {
      var endpoint: Endpoint
      var names: Set<String>
    }
    var known: Set<Named> = []
    for end in input.connections.flatMap({ [$0.source, $0.destination] }) {
      guard case .other(let endpoint) = end, endpoint.kind == .name else { continue }
      known.insert(Named(endpoint: endpoint, names: Set(endpoint.dnsNames)))
    }
    guard known.count > 1 else { return }
    var byName: [String: [Named]] = [:]
    for named in known { for name in named.names { byName[name, default: []].append(named) } }
    for (site, cells) in facts.sites {
      // Peers that the site reached by any of its names, by port.
      var seen: [PortAtom: Set<Endpoint>] = [:]
      var names: [PortAtom: Set<String>] = [:]
      for (peer, ports) in cells {
        guard case .name(let name) = peer else { continue }
        for (port, connections) in ports {
          names[port, default: []].insert(name)
          for index in connections {
            if case .other(let endpoint) = input.connections[index].destination {
              seen[port, default: []].insert(endpoint)
            }
          }
        }
      }
      for (port, names) in names {
        for name in names {
          for other in byName[name] ?? [] where !(seen[port]?.contains(other.endpoint) ?? false) {
            let subjects = classes.classes[site.subject].members
            let key = Key(
              reason: .dialect,
              detail: "\(subjects.map(self.name).joined(separator: ", ")) may reach "
                + "every address of \(name) on \(port.text)"
            )
            for subject in subjects {
              found[key, default: []].append(
                connection(site.direction, subject, .other(other.endpoint), port)
              )
            }
          }
        }
      }
    }
  }

  // MARK: - Text

  private func connection(
    _ direction: Direction,
    _ subject: Int,
    _ peer: ConnectionEnd,
    _ port: PortAtom
  ) -> GrantedConnection {
    GrantedConnection(
      source: direction == .egress ? .workload(subject) : peer,
      destination: direction == .egress ? peer : .workload(subject),
      transport: port.transport,
      port: port.number
    )
  }

  private func end(_ peer: PeerAtom) -> ConnectionEnd {
    switch peer {
    case .pods(let number): .workload(classes.classes[number].members.first ?? -1)
    case .cidr(let cidr): .other(Endpoint(kind: .address, address: cidr))
    case .name(let name): .other(Endpoint(kind: .name, name: name))
    case .entity(.kubeAPIServer): .other(Endpoint(kind: .apiServer, entity: "kube-apiserver"))
    case .entity(let entity):
      .other(
        Endpoint(
          kind: entity == .host || entity == .remoteNode ? .node : .entity,
          entity: entity.rawValue
        )
      )
    }
  }

  private func text(_ peer: PeerAtom) -> String {
    switch peer {
    case .pods(let number): classes.classes[number].members.map(name).joined(separator: ", ")
    case .cidr(let cidr): "\(cidr)"
    case .name(let name): name
    case .entity(let entity): "the entity \(entity.rawValue)"
    }
  }

  private func name(_ workload: Int) -> String {
    input.workloads.indices.contains(workload)
      ? WorkloadText.name(input.workloads[workload]) : "an unknown workload"
  }
}

extension PeerAtom {
  fileprivate var isEntity: Bool {
    if case .entity = self { true } else { false }
  }
}
