import FlowAggregation
import FlowModel
import PolicyModel
import PolicySynthesis

/// What a rule may admit, as a test sees it.
enum TestPeer: Hashable {
  case pod(namespace: String, labels: Labels)
  case address(IPAddress, names: [String])
  case entity(ReservedEntity)
}

/// A plain reading of allow-only policies, written without regard to how proposals are made.
struct Admission {
  var policies: [Policy]

  /// Whether some rule for pods with these labels admits a peer on a port.
  func admits(
    _ namespace: String,
    _ labels: Labels,
    _ direction: Direction,
    _ peer: TestPeer,
    _ transport: TransportProtocol,
    _ port: UInt16
  ) -> Bool {
    policies.contains { policy in
      policy.namespace == namespace && policy.subject.pods.matches(labels)
        && policy.isolates.contains(direction)
        && policy.rules.contains {
          $0.direction == direction && admits($0, namespace, peer, transport, port)
        }
    }
  }

  private func admits(
    _ rule: PolicyRule,
    _ own: String,
    _ peer: TestPeer,
    _ transport: TransportProtocol,
    _ port: UInt16
  ) -> Bool {
    let fits =
      rule.ports?.contains { entry in
        guard entry.transport == nil || entry.transport == transport else { return false }
        return switch entry.match {
        case .any: true
        case .range(let low, let high): low <= port && port <= high
        case .icmp(let type, _): type.map { UInt16($0) == port } ?? true
        case .named: false
        }
      } ?? true
    return fits && (rule.peers?.contains { matches($0, own, peer) } ?? true)
  }

  private func matches(_ entry: PolicyPeer, _ own: String, _ peer: TestPeer) -> Bool {
    switch (entry, peer) {
    case (.pods(let match), .pod(let namespace, let labels)):
      switch match.namespaces {
      case .own: return namespace == own && match.pods.matches(labels)
      case .named(let names): return names.contains(namespace) && match.pods.matches(labels)
      case .all, .selector: return false
      }
    case (.cidr(let cidr, let except), .address(let address, _)):
      return cidr.contains(address) && !except.contains { $0.contains(address) }
    case (.dnsName(let name), .address(_, let names)): return names.contains(name)
    case (.entity(let one), .entity(let two)): return one == two
    default: return false
    }
  }
}

extension Admission {
  /// The peers that one end of a connection stands for: one for each label set of a workload.
  static func peers(_ end: ConnectionEnd, _ direction: Direction, of input: SynthesisInput)
    -> [TestPeer]
  {
    switch end {
    case .workload(let index):
      let workload = input.workloads[index]
      return workload.labelSets.map { .pod(namespace: workload.namespace, labels: $0) }
    case .other(let endpoint):
      if input.dialect == .cilium, endpoint.kind == .node, endpoint.entity.isEmpty {
        // Any node, the pod's own one too; what comes from that one is always let in.
        return direction == .egress
          ? [.entity(.host), .entity(.remoteNode)] : [.entity(.remoteNode)]
      }
      if endpoint.kind == .apiServer, input.dialect != .cilium, endpoint.address == nil {
        return input.apiServerAddresses.map { .address($0.address, names: []) }
      }
      if let entity = ReservedEntity(rawValue: endpoint.entity), input.dialect == .cilium {
        return [.entity(entity)]
      }
      return endpoint.address.map { [.address($0.address, names: endpoint.dnsNames)] } ?? []
    }
  }

  /// The sides of a connection that lie in the namespace under policy.
  static func sides(
    _ connection: LearnedConnection,
    of input: SynthesisInput
  ) -> [(direction: Direction, subject: Int, peer: ConnectionEnd)] {
    var sides: [(Direction, Int, ConnectionEnd)] = []
    if case .workload(let source) = connection.source,
      input.workloads[source].namespace == input.namespace
    {
      sides.append((.egress, source, connection.destination))
    }
    if case .workload(let destination) = connection.destination,
      input.workloads[destination].namespace == input.namespace
    {
      sides.append((.ingress, destination, connection.source))
    }
    return sides
  }

  /// Whether all sides in the namespace let a connection through, for every label set on both ends.
  func allows(_ connection: LearnedConnection, of input: SynthesisInput) -> Bool {
    Admission.sides(connection, of: input).allSatisfy { side in
      input.workloads[side.subject].labelSets.allSatisfy { labels in
        Admission.peers(side.peer, side.direction, of: input).allSatisfy {
          admits(
            input.namespace,
            labels,
            side.direction,
            $0,
            connection.transport,
            connection.port
          )
        }
      }
    }
  }

  /// Whether any pod of a workload may use a port with any pod of a peer.
  func admitsAny(
    _ subject: Int,
    _ direction: Direction,
    _ peer: ConnectionEnd,
    _ transport: TransportProtocol,
    _ port: UInt16,
    of input: SynthesisInput
  ) -> Bool {
    input.workloads[subject].labelSets.contains { labels in
      Admission.peers(peer, direction, of: input).contains {
        admits(input.namespace, labels, direction, $0, transport, port)
      }
    }
  }
}
