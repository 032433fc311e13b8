import FlowAggregation
import FlowFormats
import FlowModel
import Foundation
import TestSupport
import Testing

/// An inventory made of a few lines.
struct CloudInventory: AddressResolving {
  var pods: [IPAddress: String] = [:] { didSet { numberPods() } }
  var nodes: Set<IPAddress> = []
  var services: [IPAddress: String] = [:]
  var served: Set<String> = []
  /// Pod address to node address.
  var hosts: [String: String] = [:]
  private var podNames: [String] = []
  private var podNumbers: [String: Int] = [:]

  /// - Parameters:
  ///   - pods: Address to workload in namespace `shop`.
  ///   - services: Address to workload; its pods listen on the Service's port plus 8000.
  ///   - served: `address:port` pairs.
  init(
    pods: [String: String] = [:],
    nodes: [String] = [],
    services: [String: String] = [:],
    served: [String] = []
  ) {
    for (text, name) in pods { if let address = IPAddress(text) { self.pods[address] = name } }
    numberPods()
    for (text, name) in services {
      if let address = IPAddress(text) { self.services[address] = name }
    }
    self.nodes = Set(nodes.compactMap { IPAddress($0) })
    self.served = Set(served)
  }

  static func pod(_ name: String) -> Endpoint {
    Endpoint(
      kind: .pod,
      namespace: "shop",
      workload: WorkloadReference(kind: "Deployment", name: name)
    )
  }

  func resolve(
    _ address: IPAddress,
    transport: TransportProtocol,
    port: UInt16,
    from start: Int64,
    to end: Int64
  ) -> AddressResolution {
    if let name = pods[address] { return .endpoint(CloudInventory.pod(name)) }
    if let name = services[address] {
      let backend = ServiceBackend(endpoint: CloudInventory.pod(name), port: port &+ 8000)
      return .service(name: name, backends: [backend])
    }
    if nodes.contains(address) {
      return .endpoint(Endpoint(kind: .node, address: CIDR(single: address)))
    }
    if address.isLocalOrMulticast { return .ignored }
    if address.isPrivate { return .internalUnknown }
    return .endpoint(Endpoint(kind: .address, address: CIDR(single: address)))
  }

  func pod(namespace: String, name: String, at time: Int64) -> Endpoint? { nil }

  /// Pods hold their addresses at all times; every third is looked up by itself, as the inventory may ask for.
  func steadyPod(at address: IPAddress, from start: Int64, to end: Int64) -> Int? {
    guard address.low % 3 != 0 else { return nil }
    return pods[address].flatMap { podNumbers[$0] }
  }

  func steadyPod(numbered number: Int) -> Endpoint? { CloudInventory.pod(podNames[number]) }

  private mutating func numberPods() {
    podNames = Set(pods.values).sorted()
    podNumbers = Dictionary(uniqueKeysWithValues: podNames.enumerated().map { ($1, $0) })
  }

  func runs(podAt address: IPAddress, onNodeAt node: IPAddress) -> Bool {
    hosts["\(address)"] == "\(node)"
  }

  func serves(_ address: IPAddress, transport: TransportProtocol, port: UInt16, at time: Int64)
    -> Bool
  {
    served.contains("\(address):\(port)")
  }
}

extension LogDecoder {
  /// Decodes records, each with its number as line, and finishes.
  static func decode(
    _ records: [String],
    options: DecoderOptions = DecoderOptions(),
    inventory: CloudInventory? = nil
  ) -> EvidenceAccumulator {
    var decoder = Self(options: options)
    var accumulator = EvidenceAccumulator(logKind: .awsVPC, resolver: inventory)
    for (index, record) in records.enumerated() {
      decoder.feed(record, line: index + 1, into: &accumulator)
    }
    decoder.finish(into: &accumulator)
    accumulator.finish()
    return accumulator
  }

  /// Decodes one record given as text.
  mutating func feed(_ record: String, line: Int, into accumulator: inout EvidenceAccumulator) {
    let bytes = Array(record.utf8)
    feed(bytes, line: line, into: &accumulator)
  }

  /// Decodes one record given as bytes.
  mutating func feed(_ bytes: [UInt8], line: Int, into accumulator: inout EvidenceAccumulator) {
    decode(bytes.span.bytes, line: line, into: &accumulator)
  }

  /// Whether the format is recognised in a text.
  static func recognizes(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return recognizes(bytes.span.bytes)
  }
}

extension EvidenceAccumulator {
  /// The edges as text, sorted: `shop/web -> 1.2.3.4/32 TCP/443 both allowed x2`.
  var edgeTexts: [String] {
    edges.entries.map { entry in
      let key = entry.key
      let side = PolicySide.allCases.first { $0.index == Int(key.side) }?.rawValue ?? "?"
      let evidence = EvidenceClass.allCases.first { $0.index == Int(key.evidence) }?.rawValue
      let source = text(endpoints[Int(key.source)])
      let destination = text(endpoints[Int(key.destination)])
      let transport = TransportProtocol(number: key.transport)
      return "\(source) -> \(destination) \(transport)/\(key.port) \(side) \(evidence ?? "?")"
        + " x\(entry.records)"
    }.sorted()
  }

  private func text(_ endpoint: Endpoint) -> String {
    switch endpoint.kind {
    case .pod: "\(endpoint.namespace)/\(endpoint.workload?.name ?? endpoint.name)"
    case .unresolved:
      "?\(endpoint.entity)"
    case .node: "node"
    default: endpoint.address?.description ?? endpoint.entity
    }
  }

  /// What was not used, as `reason: count`, sorted.
  var discardTexts: [String] {
    counts.discarded.filter { $0.value != 0 }.map { "\($0.key.rawValue): \($0.value)" }.sorted()
  }
}

extension AWSVPCDecoder {
  /// Decodes lines in two parts and merges them.
  ///
  /// - Parameter endsParts: Whether each part lets settled conversations go at its end.
  static func decode(
    _ lines: [String],
    cutAt cut: Int,
    capacity: Int = ConversationTable.defaultCapacity,
    inventory: CloudInventory,
    endsParts: Bool = false
  ) -> EvidenceAccumulator {
    var first = AWSVPCDecoder(options: DecoderOptions(), capacity: capacity)
    var accumulator = EvidenceAccumulator(logKind: .awsVPC, resolver: inventory)
    for (index, line) in lines[..<cut].enumerated() {
      first.feed(line, line: index + 1, into: &accumulator)
    }
    var second = first.forLaterPart()
    var later = EvidenceAccumulator(logKind: .awsVPC, resolver: inventory)
    for (index, line) in lines[cut...].enumerated() {
      second.feed(line, line: index + 1, into: &later)
    }
    if endsParts {
      first.endPart(into: &accumulator)
      second.endPart(into: &later)
    }
    accumulator.merge(later, lineOffset: cut)
    first.merge(second, lineOffset: cut, into: &accumulator)
    first.finish(into: &accumulator)
    accumulator.finish()
    return accumulator
  }
}

/// The records of a reference file: lines, or the one JSON value of a file that spans lines.
func sharedRecords(_ path: String) throws -> [String]? {
  guard let url = ProjectFiles.shared("flows/\(path)") else { return nil }
  let text = try String(contentsOf: url, encoding: .utf8)
  if text.hasPrefix("{\n") || text.hasPrefix("[\n") { return [text] }
  return text.split(separator: "\n").map(String.init)
}
