import FlowModel
import PolicyModel

/// The ports of a rule, made ready.
struct CompiledPorts: Sendable {
  private var included: PortList
  private var excluded: PortList?

  /// Prepares a rule's lists; nil is every port of every protocol.
  init(_ ports: [PolicyPort]?, except notPorts: [PolicyPort] = []) {
    included = PortList(ports)
    excluded = notPorts.isEmpty ? nil : PortList(notPorts)
  }

  /// Whether the ports differ from one destination to another.
  var hasNames: Bool { included.hasNames || excluded?.hasNames ?? false }

  /// The ports as numbers, names looked up among those of the endpoint that serves them.
  func resolved(with names: [PolicyEndpoint.NamedPort]) -> PortSet {
    let ports = included.resolved(with: names)
    return excluded.map { ports.subtracting($0.resolved(with: names)) } ?? ports
  }

  /// Whether a port matches.
  func contains(_ key: UInt32, with names: [PolicyEndpoint.NamedPort]) -> Bool {
    guard included.contains(key, with: names) else { return false }
    return !(excluded?.contains(key, with: names) ?? false)
  }
}

/// One list of ports, by number and by name.
private struct PortList: Sendable {
  private var numbers = PortSet()
  /// The protocol nil matches any.
  private var names: [(transport: TransportProtocol?, name: String)] = []

  init(_ ports: [PolicyPort]?) {
    guard let ports else {
      numbers = .everyPort
      return
    }
    for port in ports {
      let transports = port.transport.map { [$0] }
      switch port.match {
      case .any:
        numbers = numbers.union(port.transport.map { .every($0) } ?? .everyPort)
      case .range(let first, let last):
        for transport in transports ?? [.tcp, .udp, .sctp] {
          numbers = numbers.union(.ports(transport, first, last))
        }
      case .named(let name): names.append((port.transport, name))
      case .icmp(let type, let code):
        // A connection has no ICMP code; it is taken to be 0, the only one of echo.
        guard code == nil || code == 0 else { continue }
        for transport in transports ?? [.icmp, .icmpv6] {
          numbers = numbers.union(
            type.map { .ports(transport, UInt16($0), UInt16($0)) } ?? .every(transport)
          )
        }
      }
    }
  }

  var hasNames: Bool { !names.isEmpty }

  func resolved(with served: [PolicyEndpoint.NamedPort]) -> PortSet {
    if names.isEmpty { return numbers }
    var result = numbers
    for (transport, name) in names {
      for port in served
      where port.name == name && (transport == nil || transport == port.transport) {
        result = result.union(.ports(port.transport, port.port, port.port))
      }
    }
    return result
  }

  func contains(_ key: UInt32, with served: [PolicyEndpoint.NamedPort]) -> Bool {
    if numbers.contains(key) { return true }
    return names.contains { transport, name in
      served.contains { port in
        port.name == name && (transport == nil || transport == port.transport)
          && PortSet.key(port.transport, port.port) == key
      }
    }
  }
}
