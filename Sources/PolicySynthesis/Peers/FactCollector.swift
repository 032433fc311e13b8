import FlowAggregation
import FlowModel
import PolicyModel

/// Turns accepted connections into what each class of pods must be allowed, and sorts out what no rule
/// of the dialect on the plugin can say.
struct FactCollector {
  let input: SynthesisInput
  let home: String
  var classes: PodClassTable
  /// What must be allowed.
  private(set) var facts = FactTable()
  /// Connections that no rule can allow, with every reason.
  private(set) var unexpressible: [Int: Set<String>] = [:]
  /// Connections that need no rule on any side, with the reason.
  private(set) var needless: [Int: Set<String>] = [:]
  /// Connections a person has to decide about.
  private(set) var decisions: [Int: Set<String>] = [:]
  /// Connections whose peers are opened to the whole world.
  private(set) var worldConnections: Set<Int> = []
  /// Prefixes and entities that open more than was seen.
  private(set) var openings: Set<Opening> = []
  /// DNS allowed beside the DNS that was seen.
  private(set) var declared: [GrantedConnection] = []
  /// Remarks.
  private(set) var notes: Set<String> = []
  /// Cells that are DNS, by site.
  private(set) var dnsCells: [Site: Set<Cell>] = [:]
  /// Classes that reach external names by name, and so need a rule on DNS answers.
  private(set) var namedClients: Set<Int> = []

  private var external: [ExternalKey: [External]] = [:]
  private var servers: [Int: Set<UInt16>] = [:]
  private var nodeAddresses: Set<CIDR> = []
  private var nameConnections: [Int: [Int]] = [:]
  private var resolvers: Set<Int> = []

  /// A peer and a port.
  struct Cell: Hashable {
    var peer: PeerAtom
    var port: PortAtom
  }

  /// Something that a rule opens beyond what was seen.
  struct Opening: Hashable {
    var reason: ExcessGrant.Reason
    var site: Site
    var peer: PeerAtom
    var port: PortAtom
    var seenCount: Int
  }

  private struct ExternalKey: Hashable {
    var site: Site
    var port: PortAtom
  }

  private struct External: Hashable {
    var address: CIDR
    var connection: Int
  }

  /// One connection seen from the side that gets the policy.
  struct View {
    var connection: Int
    var site: Site
    var peer: ConnectionEnd
    var port: PortAtom
  }

  /// The most distinct sources outside the cluster before a port counts as open to the world.
  static let sourceLimit = 64

  /// Makes a collector and lets it work.
  init(_ input: SynthesisInput, home: String, classes: PodClassTable) {
    self.input = input
    self.home = home
    self.classes = classes
    servers = DNSInfrastructure.servers(input.workloads, connections: input.connections)
      .filter { HomeCluster.holds(input.workloads[$0.key].cluster, home: home) }
    collect()
  }

  private mutating func collect() {
    for connection in input.connections {
      for end in [connection.source, connection.destination] {
        guard case .other(let endpoint) = end, let address = endpoint.address,
          endpoint.kind == .node || endpoint.kind == .apiServer
        else { continue }
        nodeAddresses.insert(address)
      }
    }
    var views: [View] = []
    for index in input.connections.indices { views += self.views(of: index) }
    for view in views where isDNS(view) && view.site.direction == .egress {
      resolvers.insert(view.site.subject)
    }
    for view in views { express(view) }
    groupExternal()
    facts.absorbInnerPrefixes()
    declareDNS()
    notes.formUnion(MeshPorts.notes(on: input.connections))
  }

  // MARK: - Sides

  /// The sides of a connection that lie in the namespace and get a policy.
  private mutating func views(of index: Int) -> [View] {
    let connection = input.connections[index]
    guard let port = self.port(of: connection, index: index) else { return [] }
    var views: [View] = []
    var isUnderPolicy = false
    for direction in [Direction.egress, .ingress] {
      let isEgress = direction == .egress
      let own = isEgress ? connection.source : connection.destination
      guard case .workload(let subject) = own, input.workloads.indices.contains(subject),
        input.workloads[subject].namespace == input.namespace
      else { continue }
      let workload = input.workloads[subject]
      var name: String { WorkloadText.name(workload) }
      if !HomeCluster.holds(workload.cluster, home: home) {
        isUnderPolicy = true
        unexpressible[index, default: []].insert(
          "\(name) runs in cluster \(workload.cluster); this proposal is for cluster \(home)"
        )
      } else if !KubernetesSyntax.isDNSLabel(workload.namespace) {
        isUnderPolicy = true
        unexpressible[index, default: []].insert(FactCollector.noNamespace(workload.namespace))
      } else if workload.isHostNetwork {
        notes.insert("\(name) uses the host's network: policy cannot select its pods")
      } else if let site = classes.podClass(of: subject) {
        isUnderPolicy = true
        views.append(
          View(
            connection: index,
            site: Site(subject: site, direction: direction),
            peer: isEgress ? connection.destination : connection.source,
            port: port
          )
        )
      } else {
        isUnderPolicy = true
        unexpressible[index, default: []].insert("\(name) has no stable label to select it by")
      }
    }
    if !isUnderPolicy {
      needless[index, default: []].insert("neither end is a pod of the namespace under policy")
    }
    return views
  }

  /// The port as the dialect can say it; nil, with the reason noted, when it cannot.
  private mutating func port(of connection: LearnedConnection, index: Int) -> PortAtom? {
    let transport = connection.transport
    if transport.hasPorts {
      if connection.port > 0 { return PortAtom(transport, connection.port) }
      unexpressible[index, default: []].insert("port 0 of \(transport) stands for no port")
      return nil
    }
    if transport.isICMP {
      if input.dialect == .kubernetes {
        needless[index, default: []].insert(
          "NetworkPolicy has no ICMP; whether \(transport) passes depends on the network plugin"
        )
        return nil
      }
      if let type = UInt8(exactly: connection.port) { return PortAtom(transport, icmpType: type) }
      unexpressible[index, default: []].insert("\(transport) has no type \(connection.port)")
      return nil
    }
    if input.dialect == .calico, transport.number > 0 { return PortAtom(portless: transport) }
    unexpressible[index, default: []].insert(
      "the \(input.dialect.rawValue) dialect cannot name IP protocol \(transport)"
    )
    return nil
  }

  // MARK: - Peers

  private mutating func express(_ view: View) {
    switch view.peer {
    case .workload(let peer): expressPods(peer, view)
    case .other(let endpoint):
      switch endpoint.kind {
      case .address, .name: expressExternal(endpoint, view)
      case .node, .apiServer, .entity: expressInfrastructure(endpoint, view)
      case .pod:
        refuse(view, "the pod \(endpoint.namespace)/\(endpoint.name) could not be attributed")
      case .unresolved:
        if DNSInfrastructure.isNodeLocal(endpoint.address, port: view.port.number) {
          expressExternal(endpoint, view)
        } else {
          refuse(view, "the peer belongs to the cluster but to no known pod")
        }
      }
    }
  }

  private mutating func expressPods(_ peer: Int, _ view: View) {
    guard input.workloads.indices.contains(peer) else {
      refuse(view, "the peer is no known workload")
      return
    }
    let workload = input.workloads[peer]
    var name: String { WorkloadText.name(workload) }
    if !HomeCluster.holds(workload.cluster, home: home) {
      refuse(view, "\(name) runs in cluster \(workload.cluster), which policy cannot name")
    } else if !KubernetesSyntax.isDNSLabel(workload.namespace) {
      refuse(view, FactCollector.noNamespace(workload.namespace))
    } else if workload.isHostNetwork {
      expressHostNetwork(name, view)
    } else if let podClass = classes.podClass(of: peer) {
      allow(view, .pods(podClass))
    } else {
      refuse(view, "\(name) has no stable label to select it by")
    }
  }

  /// Logs may hold anything; what Kubernetes would not take as a namespace never gets into a policy.
  private static func noNamespace(_ name: String) -> String {
    "\"\(name)\" is no name of a namespace"
  }

  private mutating func expressHostNetwork(_ name: String, _ view: View) {
    guard input.dialect == .cilium else {
      refuse(view, "\(name) uses the host's network: no pod selector matches it")
      return
    }
    decide(view, "\(name) uses the host's network: the rule is for all host processes of nodes")
    // The local host reaches its own pods without a rule.
    let entities: [ReservedEntity] =
      view.site.direction == .ingress ? [.remoteNode] : [.host, .remoteNode]
    for entity in entities {
      allow(view, .entity(entity))
      open(.nodes, view, .entity(entity))
    }
  }

  private mutating func expressExternal(_ endpoint: Endpoint, _ view: View) {
    if input.dialect == .cilium, view.site.direction == .egress, endpoint.kind == .name {
      let names = endpoint.dnsNames.map { name in
        (name.hasSuffix(".") ? String(name.dropLast()) : name).lowercased()
      }
      let valid = names.filter { DNSNameSyntax.isName($0) }
      if !valid.isEmpty, resolvers.contains(view.site.subject) || !selectableServers.isEmpty {
        for name in Set(valid).sorted() { allow(view, .name(name)) }
        namedClients.insert(view.site.subject)
        nameConnections[view.site.subject, default: []].append(view.connection)
        return
      }
    }
    guard let address = endpoint.address else {
      refuse(view, "no address is known of \(endpoint.name.isEmpty ? "the peer" : endpoint.name)")
      return
    }
    if DNSInfrastructure.isNodeLocal(address, port: view.port.number) {
      allow(view, .cidr(address))
      return
    }
    if address.prefixLength == 0 {
      decide(view, "the peer is anywhere in the world: \(address)")
    } else if input.clusterPrefixes.contains(where: { $0.overlaps(address) }) {
      decide(view, "\(address) lies in a range of the cluster")
    }
    external[ExternalKey(site: view.site, port: view.port), default: []]
      .append(External(address: address, connection: view.connection))
  }

  // MARK: - Nodes, API server, entities

  private mutating func expressInfrastructure(_ endpoint: Endpoint, _ view: View) {
    let isIngress = view.site.direction == .ingress
    if endpoint.entity == ReservedEntity.host.rawValue, isIngress {
      needless[view.connection, default: []].insert(
        "a node always reaches its own pods (probes)"
      )
      return
    }
    if let what = subjectOfDecision(endpoint) { decide(view, what) }
    if input.dialect == .cilium {
      expressEntity(endpoint, view)
    } else if endpoint.entity == ReservedEntity.world.rawValue {
      allowWorld(view, seenCount: 1)
    } else {
      expressNodeAddress(endpoint, view)
    }
  }

  private func subjectOfDecision(_ endpoint: Endpoint) -> String? {
    switch endpoint.kind {
    case .apiServer: "the API server is a peer"
    case .node: endpoint.address.map { "the node \($0) is a peer" } ?? "nodes are a peer"
    default: "the reserved entity \(endpoint.entity) is a peer"
    }
  }

  private mutating func expressEntity(_ endpoint: Endpoint, _ view: View) {
    var entities: [ReservedEntity]
    switch endpoint.kind {
    case .apiServer: entities = [.kubeAPIServer]
    case .node:
      // A node known by address only may be the pod's own in egress; in ingress that needs no rule.
      entities =
        ReservedEntity(rawValue: endpoint.entity).map { [$0] }
        ?? (view.site.direction == .ingress ? [.remoteNode] : [.host, .remoteNode])
    default:
      guard let entity = ReservedEntity(rawValue: endpoint.entity), entity != .none, entity != .all,
        entity != .cluster
      else {
        refuse(view, "the entity \"\(endpoint.entity)\" cannot stand in a rule")
        return
      }
      entities = [entity]
    }
    for entity in entities {
      allow(view, .entity(entity))
      if endpoint.kind == .node, endpoint.address != nil { open(.nodes, view, .entity(entity)) }
      if [.world, .worldIPv4, .worldIPv6].contains(entity) {
        open(
          view.site.direction == .ingress ? .worldIngress : .widenedPrefix,
          view,
          .entity(entity)
        )
      }
    }
  }

  private mutating func expressNodeAddress(_ endpoint: Endpoint, _ view: View) {
    let what =
      switch endpoint.kind {
      case .apiServer: "the API server"
      case .node: "nodes"
      default: "the reserved entity \(endpoint.entity)"
      }
    if endpoint.kind == .entity {
      refuse(view, "the \(input.dialect.rawValue) dialect cannot name \(what)")
      return
    }
    if input.plugin == .cilium {
      refuse(view, "Cilium's ipBlock never matches nodes: use the cilium dialect to allow \(what)")
      return
    }
    var addresses = Set(endpoint.address.map { [$0] } ?? [])
    if endpoint.kind == .apiServer { addresses.formUnion(input.apiServerAddresses) }
    guard !addresses.isEmpty else {
      refuse(view, "no address of \(what) is known")
      return
    }
    if input.plugin == nil {
      notes.insert("the network plugin is not known: on Cilium an ipBlock never matches nodes")
    }
    for address in addresses.sorted() { allow(view, .cidr(address)) }
  }

  // MARK: - External addresses

  private mutating func groupExternal() {
    let grouping = AddressGrouping(
      avoiding: input.clusterPrefixes + input.apiServerAddresses + nodeAddresses
    )
    for (key, peers) in external {
      let addresses = Set(peers.map(\.address))
      if isWorld(key, addresses) {
        for peer in peers {
          worldConnections.insert(peer.connection)
          let view = View(
            connection: peer.connection,
            site: key.site,
            peer: input.connections[peer.connection].source,
            port: key.port
          )
          if key.site.direction == .ingress {
            decide(view, "the world may reach \(name(of: key.site)) on \(key.port.text)")
          } else {
            decide(view, "\(name(of: key.site)) may reach the world on \(key.port.text)")
          }
          allowWorld(view, seenCount: addresses.count, like: addresses)
        }
        continue
      }
      let groups = grouping.groups(Array(addresses), widening: input.grouping != .exact)
      for group in groups where group.isWidened {
        openings.insert(
          Opening(
            reason: .widenedPrefix,
            site: key.site,
            peer: .cidr(group.prefix),
            port: key.port,
            seenCount: group.seenCount
          )
        )
      }
      for peer in peers {
        guard let group = groups.last(where: { $0.prefix.contains(peer.address) }) else { continue }
        facts.add(key.site, .cidr(group.prefix), key.port, [peer.connection])
      }
    }
  }

  /// Whether a port is to be open to the world: asked for, or as no list of yesterday's clients could
  /// hold (exposed, or more sources than a list should have).
  private func isWorld(_ key: ExternalKey, _ addresses: Set<CIDR>) -> Bool {
    let isPublic = addresses.contains { address in
      !AddressGrouping.special.contains { $0.contains(address) }
        && !input.clusterPrefixes.contains { $0.contains(address) }
    }
    guard isPublic else { return false }
    if input.grouping == .world { return true }
    guard key.site.direction == .ingress else { return false }
    let isExposed = classes.classes[key.site.subject].members.contains {
      input.workloads[$0].isExposed
    }
    // A folded prefix stands for thousands of sources.
    return isExposed || addresses.count > FactCollector.sourceLimit
      || addresses.contains { $0.sizeExponent > 6 }
  }

  /// Allows the whole world: clients of both address families, but servers only of those seen.
  private mutating func allowWorld(_ view: View, seenCount: Int, like seen: Set<CIDR> = []) {
    let families = Set(seen.map(\.address.isIPv6))
    for world in [CIDR.worldIPv4, .worldIPv6] {
      if view.site.direction == .egress, !families.isEmpty,
        !families.contains(world.address.isIPv6)
      {
        continue
      }
      allow(view, .cidr(world))
      openings.insert(
        Opening(
          reason: view.site.direction == .ingress ? .worldIngress : .widenedPrefix,
          site: view.site,
          peer: .cidr(world),
          port: view.port,
          seenCount: seenCount
        )
      )
    }
  }

  // MARK: - DNS

  /// DNS servers that a rule can name.
  private var selectableServers: [Int] {
    servers.keys.filter {
      !input.workloads[$0].isHostNetwork && !input.workloads[$0].labelSets.allSatisfy(\.isEmpty)
    }.sorted()
  }

  private func isDNS(_ view: View) -> Bool {
    guard view.port.meaning == .port, view.port.transport == .udp || view.port.transport == .tcp
    else { return false }
    switch input.connections[view.connection].destination {
    case .workload(let server): return servers[server]?.contains(view.port.number) ?? false
    case .other(let endpoint):
      return DNSInfrastructure.isNodeLocal(endpoint.address, port: view.port.number)
    }
  }

  /// Adds TCP beside UDP for DNS that was seen, and DNS for clients of names that were not seen asking.
  private mutating func declareDNS() {
    for client in namedClients.subtracting(resolvers).sorted() {
      let site = Site(subject: client, direction: .egress)
      let name = self.name(of: site)
      for server in selectableServers {
        guard let podClass = classes.podClass(of: server) else { continue }
        let known = servers[server] ?? []
        for port in known.isEmpty ? [53] : known {
          let cell = Cell(peer: .pods(podClass), port: PortAtom(.udp, port))
          facts.add(site, cell.peer, cell.port, nameConnections[client] ?? [])
          for member in classes.classes[client].members {
            for transport in [TransportProtocol.udp, .tcp] {
              declare(.workload(member), .workload(server), transport, port)
            }
          }
          dnsCells[site, default: []].insert(cell)
        }
      }
      notes.insert("\(name) was not seen asking DNS; rules for names need it, so it is allowed")
    }
    for (site, cells) in dnsCells {
      for cell in cells {
        let other = PortAtom(cell.port.transport == .udp ? .tcp : .udp, cell.port.number)
        let connections = facts.connections(site, cell.peer, cell.port)
        // A prefix that holds the address may have taken the cell over.
        guard !connections.isEmpty else {
          dnsCells[site]?.remove(cell)
          continue
        }
        facts.add(site, cell.peer, other, connections)
        dnsCells[site, default: []].insert(Cell(peer: cell.peer, port: other))
        for index in connections {
          let connection = input.connections[index]
          guard connection.port == cell.port.number, connection.transport == cell.port.transport
          else { continue }
          declare(connection.source, connection.destination, other.transport, other.number)
        }
      }
    }
  }

  private mutating func declare(
    _ source: ConnectionEnd,
    _ destination: ConnectionEnd,
    _ transport: TransportProtocol,
    _ port: UInt16
  ) {
    declared.append(
      GrantedConnection(source: source, destination: destination, transport: transport, port: port)
    )
  }

  // MARK: - Outcomes

  private mutating func allow(_ view: View, _ peer: PeerAtom) {
    facts.add(view.site, peer, view.port, [view.connection])
    if isDNS(view) {
      dnsCells[view.site, default: []].insert(Cell(peer: peer, port: view.port))
    }
  }

  private mutating func open(_ reason: ExcessGrant.Reason, _ view: View, _ peer: PeerAtom) {
    openings.insert(
      Opening(reason: reason, site: view.site, peer: peer, port: view.port, seenCount: 1)
    )
  }

  private mutating func refuse(_ view: View, _ reason: String) {
    unexpressible[view.connection, default: []].insert(reason)
  }

  private mutating func decide(_ view: View, _ reason: String) {
    decisions[view.connection, default: []].insert(reason)
  }

  private func name(of site: Site) -> String {
    classes.classes[site.subject].members.map { WorkloadText.name(input.workloads[$0]) }
      .joined(separator: ", ")
  }
}
