import FlowModel
import Foundation
import PolicyEvaluation
import PolicyManifests
import PolicyModel
import TestSupport
import Testing

/// Published connectivity lists, compared connection by connection over all ports and addresses.
@Suite struct NetpolAnalyzerCaseTests {
  /// Who may talk to whom; an external end is empty and stands in `addresses`.
  private struct Line: Hashable {
    var source: String
    var destination: String
    var addresses: ClosedRange<UInt32>?
    var ports: PortSet

    var description: String {
      let range = addresses.map { "\($0.lowerBound)-\($0.upperBound)" } ?? ""
      let spans = ports.spans.map(\.description).joined(separator: ",")
      return "\(source) => \(destination) \(range) : \(spans)"
    }
  }

  private static let portProtocols: [TransportProtocol] = [.tcp, .udp, .sctp]
  private static let listedPorts = portProtocols.reduce(PortSet()) {
    $0.union(.ports($1, 1, .max))
  }

  static let names = [
    "acs-security-demos", "acs_security_frontend_demos",
    "example_pods_w_same_owner_and_labels_gap_with_good_match_expression",
    "example_pods_w_same_owner_and_labels_gap_with_policy_selector_not_in_gap",
    "ipblockstest", "ipblockstest_3", "minimal_test_in_ns", "multiple_topology_resources_1",
    "netpol-analysis-example-minimal", "netpol_named_port_test", "new_online_boutique",
    "online_boutique_workloads_no_ns", "onlineboutique",
    "semanticDiff-different-topologies-policy-a",
    "semanticDiff-different-topologies-policy-b-with-ipblock",
    "semanticDiff-orig-topologies-policy-a", "semanticDiff-same-topologies-new1",
    "semanticDiff-same-topologies-new2", "semanticDiff-same-topologies-old1",
    "test_with_named_ports", "with_end_port_example",
  ]

  @Test("No published case is left out")
  func complete() throws {
    guard let folder = ProjectFiles.shared("cases/netpol-analyzer") else { return }
    let found = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(found.filter { $0 != "SOURCES.md" }.sorted() == Self.names.sorted())
  }

  @Test("A published case gives the published list", arguments: names)
  func caseMatches(_ name: String) throws {
    guard let folder = ProjectFiles.shared("cases/netpol-analyzer/\(name)") else { return }
    let list = try String(
      contentsOf: folder.appendingPathComponent("expected/\(name)_connlist_output.txt"),
      encoding: .utf8
    )
    let expected = Self.merged(try Self.parse(list))
    let cluster = try ClusterReader(folder: folder.appendingPathComponent("input"))
    #expect(!cluster.policies.isEmpty && !cluster.workloads.isEmpty)
    let actual = Self.merged(Self.connections(of: cluster, under: cluster.policies))
    let missing = expected.subtracting(actual).map(\.description).sorted()
    let extra = actual.subtracting(expected).map(\.description).sorted()
    #expect(missing.prefix(20) == [], "not admitted")
    #expect(extra.prefix(20) == [], "admitted beyond the list")
  }

  @Test(
    "A published case comes out alike with the policies read by the manifest reader",
    arguments: names
  )
  func manifestReader(_ name: String) throws {
    guard let folder = ProjectFiles.shared("cases/netpol-analyzer/\(name)/input") else { return }
    let cluster = try ClusterReader(folder: folder)
    let reader = ManifestReader(ignoringOtherKinds: true, refusingInvalidNames: false)
    var policies: [Policy] = []
    for file in try ClusterReader.files(in: folder) {
      policies += try reader.policies(fromYAML: file.text, file: file.name).policySet.policies
    }
    #expect(policies.count == cluster.policies.count)
    #expect(
      Self.connections(of: cluster, under: policies)
        == Self.connections(of: cluster, under: cluster.policies)
    )
  }

  // MARK: Ours

  private static func connections(of cluster: ClusterReader, under policies: [Policy]) -> [Line] {
    var starts: Set<UInt32> = [0]
    for case .cidr(let prefix, let exceptions) in policies.flatMap(\.rules).flatMap({
      $0.peers ?? []
    }) {
      for block in [prefix] + exceptions {
        let first = UInt64(block.address.low)
        starts.insert(UInt32(first))
        let next = first + (1 << UInt64(block.sizeExponent))
        if next <= UInt64(UInt32.max) { starts.insert(UInt32(next)) }
      }
    }
    let sorted = starts.sorted()
    let atoms = sorted.indices.map { index in
      sorted[index]...(index + 1 < sorted.count ? sorted[index + 1] - 1 : UInt32.max)
    }
    let workloads = cluster.workloads
    let endpoints =
      workloads.flatMap(\.pods)
      + atoms.map { .external(CIDR(single: IPAddress(ipv4: $0.lowerBound))) }
    var matrix = PolicyMatrix(
      policies: PolicySet(policies: policies),
      endpoints: endpoints,
      engine: .reference
    )
    var indices: [[Int]] = []
    var next = 0
    for workload in workloads {
      indices.append(Array(next..<next + workload.pods.count))
      next += workload.pods.count
    }
    var lines: [Line] = []
    func ports(_ sources: [Int], _ destinations: [Int]) -> PortSet {
      let sets = sources.flatMap { source in
        destinations.map { matrix.admittedPorts(from: source, to: $0) }
      }
      // Pods of one owner whose labels differ are one workload of the list: they must agree.
      #expect(Set(sets).count == 1)
      return (sets.first ?? PortSet()).intersection(listedPorts)
    }
    for (one, source) in workloads.enumerated() {
      for (two, destination) in workloads.enumerated() where one != two {
        let admitted = ports(indices[one], indices[two])
        lines.append(
          Line(source: source.name, destination: destination.name, ports: admitted)
        )
      }
      for (atom, range) in atoms.enumerated() {
        let external = [next + atom]
        let outward = ports(indices[one], external)
        let inward = ports(external, indices[one])
        lines.append(
          Line(source: source.name, destination: "", addresses: range, ports: outward)
        )
        lines.append(Line(source: "", destination: source.name, addresses: range, ports: inward))
      }
    }
    return lines.filter { !$0.ports.isEmpty }
  }

  // MARK: Theirs

  private static func parse(_ text: String) throws -> [Line] {
    try text.split(separator: "\n").compactMap { line in
      let sides = line.components(separatedBy: " : ")
      let ends = sides[0].components(separatedBy: " => ")
      try #require(sides.count == 2 && ends.count == 2, "\(line)")
      if ends[0] == "{ingress-controller}" { return nil }
      var result = Line(source: ends[0], destination: ends[1], ports: try ports(sides[1]))
      if let range = try external(ends[0]) {
        result.source = ""
        result.addresses = range
      }
      if let range = try external(ends[1]) {
        result.destination = ""
        result.addresses = range
      }
      return result
    }
  }

  private static func external(_ text: String) throws -> ClosedRange<UInt32>? {
    guard text.hasSuffix("[External]") else { return nil }
    let bounds = text.dropLast("[External]".count).split(separator: "-")
    let first = try #require(IPAddress(bounds[0]))
    let last = try #require(IPAddress(bounds[1]))
    return UInt32(first.low)...UInt32(last.low)
  }

  private static func ports(_ text: String) throws -> PortSet {
    if text == "All Connections" { return listedPorts }
    var transport = TransportProtocol.tcp
    var result = PortSet()
    for part in text.split(separator: ",") {
      let words = part.split(separator: " ")
      if words.count == 2 { transport = try #require(TransportProtocol(words[0])) }
      let bounds = try #require(words.last).split(separator: "-").map { UInt16($0) }
      let first = try #require(bounds.first ?? nil)
      let last = try #require(bounds.last ?? nil)
      result = result.union(.ports(transport, first, last))
    }
    return result
  }

  /// Lines with neighbouring address ranges of equal ports made one.
  private static func merged(_ lines: [Line]) -> Set<Line> {
    var groups: [Line: [ClosedRange<UInt32>]] = [:]
    var result: Set<Line> = []
    for line in lines {
      guard let range = line.addresses else {
        result.insert(line)
        continue
      }
      var key = line
      key.addresses = nil
      groups[key, default: []].append(range)
    }
    for (key, ranges) in groups {
      for range in IntervalSet<UInt32>(ranges).ranges {
        var line = key
        line.addresses = range
        result.insert(line)
      }
    }
    return result
  }
}
