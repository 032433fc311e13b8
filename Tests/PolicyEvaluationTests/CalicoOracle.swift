import FlowModel
import PolicyModel
import TestSupport

/// Calico's policies read straight from its documentation: tiers, orders and rules gone through one by
/// one, and YAML that only the manifest reader turns into the model.
struct CalicoOracle {
  /// A label test in Calico's language.
  indirect enum Test {
    case all
    case equals(String, String)
    case differs(String, String)
    case has(String)
    case both(Test, Test)
    case either(Test, Test)
    case not(Test)

    func holds(_ labels: [String: String]) -> Bool {
      switch self {
      case .all: true
      case .equals(let key, let value): labels[key] == value
      case .differs(let key, let value): labels[key] != value
      case .has(let key): labels[key] != nil
      case .both(let one, let two): one.holds(labels) && two.holds(labels)
      case .either(let one, let two): one.holds(labels) || two.holds(labels)
      case .not(let test): !test.holds(labels)
      }
    }

    var text: String {
      switch self {
      case .all: "all()"
      case .equals(let key, let value): "\(key) == '\(value)'"
      case .differs(let key, let value): "\(key) != '\(value)'"
      case .has(let key): "has(\(key))"
      case .both(let one, let two): "(\(one.text) && \(two.text))"
      case .either(let one, let two): "(\(one.text) || \(two.text))"
      case .not(let test): "!(\(test.text))"
      }
    }
  }

  struct Side {
    var selector: Test?
    var notSelector: Test?
    var namespaces: Test?
    var nets: [(base: UInt32, bits: Int)] = []
    var notNets: [(base: UInt32, bits: Int)] = []
  }

  struct Rule {
    var action: String
    var transport: TransportProtocol?
    var source = Side()
    var destination = Side()
    /// Low, high.
    var ports: [(Int, Int)] = []
    var notPorts: [Int] = []
    var icmpType: Int?
  }

  struct Policy {
    var name: String
    var namespace: String?
    var tier: String
    var order: Double?
    var subject: Test
    var types: [String]?
    var ingress: [Rule]
    var egress: [Rule]
    /// `Set`, `Delete`, `Learn` or `Ignore`; nil for an enforced policy.
    var staged: String?

    var effectiveTypes: [String] {
      if let types { return types }
      var result: [String] = []
      if egress.isEmpty || !ingress.isEmpty { result.append("Ingress") }
      if !egress.isEmpty { result.append("Egress") }
      return result
    }
  }

  struct End {
    var namespace: String?
    var labels: [String: String] = [:]
    var address: UInt32
    var isHost = false
  }

  /// Name, order and default action of the tiers beside `default`.
  var tiers: [(name: String, order: Double?, passes: Bool)]
  var policies: [Policy]
  /// NetworkPolicies, which deny all ingress but one port: name, namespace, label `a`, port.
  var kubernetes: [(name: String, namespace: String, label: String, port: Int)]

  static let namespaceLabels = ["n0": ["team": "x"], "n1": ["team": "y"]]

  // MARK: Deciding

  /// The oracle in which every staged policy has taken effect.
  var pending: CalicoOracle {
    var result = self
    result.policies = []
    for policy in policies where policy.staged == nil {
      let isReplaced = policies.contains {
        ($0.staged == "Set" || $0.staged == "Delete") && $0.name == policy.name
          && $0.namespace == policy.namespace && $0.tier == policy.tier
      }
      if !isReplaced { result.policies.append(policy) }
    }
    for var policy in policies where policy.staged == "Set" {
      policy.staged = nil
      result.policies.append(policy)
    }
    return result
  }

  func allows(_ source: End, _ destination: End, _ transport: TransportProtocol, _ port: Int)
    -> Bool
  {
    passes("Egress", source, source, destination, transport, port)
      && passes("Ingress", destination, source, destination, transport, port)
  }

  private func passes(
    _ type: String,
    _ subject: End,
    _ source: End,
    _ destination: End,
    _ transport: TransportProtocol,
    _ port: Int
  ) -> Bool {
    guard let namespace = subject.namespace else { return true }
    if type == "Ingress", source.isHost { return true }
    let all = tiers + [(name: "default", order: 1_000_000, passes: false)]
    let sorted = all.sorted {
      ($0.order ?? .infinity, $0.name) < ($1.order ?? .infinity, $1.name)
    }
    for tier in sorted {
      // Order, name, and what the policy says: nil when none of its rules decides.
      var verdicts: [(order: Double, name: String, verdict: String?)] = []
      for policy in policies where policy.tier == tier.name && policy.staged == nil {
        guard policy.namespace == nil || policy.namespace == namespace,
          policy.subject.holds(subject.labels), policy.effectiveTypes.contains(type)
        else { continue }
        let rules = type == "Ingress" ? policy.ingress : policy.egress
        let first = rules.first {
          $0.action != "Log"
            && takes($0, source, destination, transport, port, policy.namespace)
        }
        verdicts.append((policy.order ?? .infinity, policy.name, first?.action))
      }
      if tier.name == "default", type == "Ingress" {
        for policy in kubernetes
        where policy.namespace == namespace && subject.labels["a"] == policy.label {
          let isAllowed = transport == .tcp && port == policy.port
          verdicts.append((1000, "knp.default.\(policy.name)", isAllowed ? "Allow" : nil))
        }
      }
      if verdicts.isEmpty { continue }
      let decided = verdicts.sorted { ($0.order, $0.name) < ($1.order, $1.name) }
        .compactMap(\.verdict).first
      switch decided {
      case "Allow": return true
      case "Deny": return false
      case "Pass": continue
      default: if !tier.passes { return false }
      }
    }
    return true
  }

  private func takes(
    _ rule: Rule,
    _ source: End,
    _ destination: End,
    _ transport: TransportProtocol,
    _ port: Int,
    _ own: String?
  ) -> Bool {
    if let wanted = rule.transport, wanted != transport { return false }
    if let type = rule.icmpType, port != type { return false }
    if !rule.ports.isEmpty, !rule.ports.contains(where: { $0.0 <= port && port <= $0.1 }) {
      return false
    }
    if rule.notPorts.contains(port) { return false }
    return takes(rule.source, source, own) && takes(rule.destination, destination, own)
  }

  private func takes(_ side: Side, _ end: End, _ own: String?) -> Bool {
    if let namespaces = side.namespaces {
      guard let namespace = end.namespace,
        namespaces.holds(Self.namespaceLabels[namespace] ?? [:])
      else { return false }
    } else if own != nil, side.selector != nil || side.notSelector != nil {
      guard end.namespace == own else { return false }
    }
    if let selector = side.selector {
      guard end.namespace != nil, selector.holds(end.labels) else { return false }
    }
    if let negated = side.notSelector, end.namespace != nil, negated.holds(end.labels) {
      return false
    }
    func lies(_ net: (base: UInt32, bits: Int)) -> Bool {
      net.bits == 0 || end.address >> UInt32(32 - net.bits) == net.base >> UInt32(32 - net.bits)
    }
    if !side.nets.isEmpty, !side.nets.contains(where: lies) { return false }
    return !side.notNets.contains(where: lies)
  }
}

extension CalicoOracle.End {
  var model: PolicyEndpoint {
    let addresses = [CIDR(single: IPAddress(ipv4: address))]
    guard let namespace else {
      return PolicyEndpoint(
        isPod: false,
        addresses: addresses,
        entities: isHost ? [.host] : [.world, .worldIPv4]
      )
    }
    var pod = PolicyEndpoint.pod(
      namespace,
      Labels(labels.map { ($0.key, $0.value) }),
      addresses: addresses
    )
    for (key, value) in CalicoOracle.namespaceLabels[namespace] ?? [:] {
      pod.namespaceLabels[key] = value
    }
    return pod
  }
}
