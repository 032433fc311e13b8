import FlowAggregation
import FlowModel
import Foundation
import JSONText
import TestSupport

@testable import FlowFormats

/// Runs a decoder over records and shows what came of them.
enum CalicoHarness {
  /// Addresses that a test's inventory knows.
  struct Resolver: AddressResolving {
    var known: [String: AddressResolution] = [:]
    var pods: [String: Endpoint] = [:]

    func resolve(
      _ address: IPAddress,
      transport: TransportProtocol,
      port: UInt16,
      from start: Int64,
      to end: Int64
    ) -> AddressResolution {
      known[address.description]
        ?? (address.isPrivate
          ? .internalUnknown
          : .endpoint(Endpoint(kind: .address, address: CIDR(single: address))))
    }

    func pod(namespace: String, name: String, at time: Int64) -> Endpoint? {
      pods["\(namespace)/\(name)"]
    }

    func serves(_ address: IPAddress, transport: TransportProtocol, port: UInt16, at time: Int64)
      -> Bool
    { false }
  }

  /// A pod's endpoint.
  static func pod(_ namespace: String, _ labels: Labels, deployment: String? = nil) -> Endpoint {
    Endpoint(
      kind: .pod,
      namespace: namespace,
      workload: deployment.map { WorkloadReference(kind: "Deployment", name: $0) },
      labels: labels
    )
  }

  /// Decodes records with line numbers from 1.
  static func run<Decoder: LogDecoder>(
    _ decoder: Decoder.Type,
    _ records: [String],
    options: DecoderOptions = DecoderOptions(),
    resolver: Resolver? = nil
  ) -> EvidenceAccumulator {
    run(decoder, bytes: records.map { Array($0.utf8) }, options: options, resolver: resolver)
  }

  /// Decodes records of any bytes.
  static func run<Decoder: LogDecoder>(
    _ decoder: Decoder.Type,
    bytes records: [[UInt8]],
    options: DecoderOptions = DecoderOptions(),
    resolver: Resolver? = nil
  ) -> EvidenceAccumulator {
    var accumulator = EvidenceAccumulator(
      logKind: decoder == CalicoDecoder.self ? .calico : .calicoPacket,
      resolver: resolver
    )
    var decoder = decoder.init(options: options)
    for (index, record) in records.enumerated() {
      decoder.decode(record.span.bytes, line: index + 1, into: &accumulator)
    }
    decoder.finish(into: &accumulator)
    accumulator.finish()
    return accumulator
  }

  /// The lines of a sample that are not empty; nil where the reference folder is missing.
  static func sampleLines(_ name: String) throws -> [String]? {
    try sample(name).map { text in
      text.split(separator: "\n").map(String.init)
    }
  }

  /// A whole sample; nil where the reference folder is missing.
  static func sample(_ name: String) throws -> String? {
    guard let url = ProjectFiles.shared("flows/\(name)") else { return nil }
    return try String(contentsOf: url, encoding: .utf8)
  }

  /// Whether a decoder takes a text for its own.
  static func recognizes<Decoder: LogDecoder>(_ decoder: Decoder.Type, _ text: String) -> Bool {
    let bytes = Array(text.utf8.prefix(65_536))
    return decoder.recognizes(bytes.span.bytes)
  }
}

extension EvidenceAccumulator {
  /// The edges as text, one each, sorted.
  var shown: [String] {
    edges.entries.map { entry in
      let key = entry.key
      let transport = TransportProtocol(number: key.transport)
      var text = endpoints[Int(key.source)].shown + " -> " + endpoints[Int(key.destination)].shown
      text += " \(transport)/\(key.port) \(PolicySide.allCases[Int(key.side)])"
      text += " \(EvidenceClass.allCases[Int(key.evidence)].rawValue) x\(entry.records)"
      if key.replyPort != 0 { text += " reply?\(key.replyPort)" }
      return text
    }
    .sorted()
  }

  /// What was discarded, by reason.
  var discarded: [DiscardReason: Int] { counts.discarded }

  /// The classes of the edges in the order first seen.
  var classes: [EvidenceClass] {
    edges.entries.map { EvidenceClass.allCases[Int($0.key.evidence)] }
  }

  /// What was wrong with the rejected records.
  var problems: [String] { counts.rejections.map(\.problem) }
}

extension Endpoint {
  fileprivate var shown: String {
    var parts = [kind.rawValue]
    if !cluster.isEmpty { parts.append("@\(cluster)") }
    if !namespace.isEmpty { parts.append(namespace) }
    if let workload { parts.append("\(workload.kind):\(workload.name)") }
    if !labels.isEmpty { parts.append("{\(labels)}") }
    if let address { parts.append("\(address)") }
    if !name.isEmpty { parts.append("'\(name)'") }
    if !entity.isEmpty { parts.append("<\(entity)>") }
    return parts.joined(separator: " ")
  }
}
