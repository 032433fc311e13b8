import FlowModel
import PolicyModel

/// A peer that one entry of a rule can name.
enum PeerAtom: Hashable {
  /// Pods, by the number of their class.
  case pods(Int)
  /// Addresses.
  case cidr(CIDR)
  /// A reserved entity.
  case entity(ReservedEntity)
  /// A DNS name.
  case name(String)
}

/// A port that one entry of a rule can name.
struct PortAtom: Hashable, Comparable {
  /// What the number means.
  enum Meaning: Int, Comparable {
    /// A port.
    case port
    /// An ICMP type.
    case icmpType
    /// Nothing: the protocol has no ports.
    case none

    static func < (left: Meaning, right: Meaning) -> Bool { left.rawValue < right.rawValue }
  }

  /// The protocol.
  var transport: TransportProtocol
  /// What the number means.
  var meaning: Meaning
  /// The port or type; 0 when it means nothing.
  var number: UInt16

  /// Makes a port.
  init(_ transport: TransportProtocol, _ number: UInt16) {
    self.transport = transport
    self.number = number
    meaning = .port
  }

  /// Makes an ICMP type.
  init(_ transport: TransportProtocol, icmpType: UInt8) {
    self.transport = transport
    number = UInt16(icmpType)
    meaning = .icmpType
  }

  /// Makes a protocol without ports.
  init(portless transport: TransportProtocol) {
    self.transport = transport
    number = 0
    meaning = .none
  }

  static func < (left: PortAtom, right: PortAtom) -> Bool {
    (left.meaning, left.transport, left.number) < (right.meaning, right.transport, right.number)
  }

  /// `TCP/443`, `ICMP type 8`, `protocol 47`.
  var text: String {
    switch meaning {
    case .port: "\(transport)/\(number)"
    case .icmpType: "\(transport) type \(number)"
    case .none: "protocol \(transport)"
    }
  }
}

/// One direction of one class of pods.
struct Site: Hashable {
  /// The number of the class that gets the policy.
  var subject: Int
  /// The direction.
  var direction: Direction
}

/// What the pods of one site must be allowed: for each peer and port the connections that say so.
typealias Cells = [PeerAtom: [PortAtom: [Int]]]

/// What all sites of a namespace must be allowed.
struct FactTable {
  /// The cells of each site; none is empty.
  private(set) var sites: [Site: Cells] = [:]

  /// Adds a cell, or connections to it.
  mutating func add(_ site: Site, _ peer: PeerAtom, _ port: PortAtom, _ connections: [Int]) {
    sites[site, default: [:]][peer, default: [:]][port, default: []] += connections
  }

  /// Takes a cell out.
  ///
  /// - Returns: Its connections; none when there was no such cell.
  @discardableResult
  mutating func remove(_ site: Site, _ peer: PeerAtom, _ port: PortAtom) -> [Int] {
    guard let connections = sites[site]?[peer]?.removeValue(forKey: port) else { return [] }
    if sites[site]?[peer]?.isEmpty ?? false { sites[site]?.removeValue(forKey: peer) }
    if sites[site]?.isEmpty ?? false { sites.removeValue(forKey: site) }
    return connections
  }

  /// The connections of a cell, unsorted and perhaps repeated; none when there is no such cell.
  func connections(_ site: Site, _ peer: PeerAtom, _ port: PortAtom) -> [Int] {
    sites[site]?[peer]?[port] ?? []
  }

  /// Joins prefixes with those that hold them, port by port: a rule for the inner one would be
  /// superfluous.
  mutating func absorbInnerPrefixes() {
    for (site, cells) in sites {
      var prefixes: [PortAtom: [CIDR]] = [:]
      for (peer, ports) in cells {
        guard case .cidr(let cidr) = peer else { continue }
        for port in ports.keys { prefixes[port, default: []].append(cidr) }
      }
      for (port, cidrs) in prefixes where cidrs.count > 1 {
        var outer: CIDR?
        for cidr in cidrs.sorted() {
          if let holder = outer, holder.contains(cidr) {
            add(site, .cidr(holder), port, remove(site, .cidr(cidr), port))
          } else {
            outer = cidr
          }
        }
      }
    }
  }
}
