/// A cluster of generated workloads that talk to each other, the same for the same numbers.
public struct GeneratedCluster: Sendable {
  /// One direction of talk between two workloads.
  public struct Edge: Sendable {
    /// Index of the client workload.
    public var source: Int
    /// Index of the server workload.
    public var destination: Int
    /// The server's port.
    public var port: Int
  }

  /// Namespaces.
  public let namespaces: Int
  /// Workloads over all namespaces.
  public let workloads: Int
  /// Pods of each workload.
  public let pods: Int
  /// Who talks to whom.
  public let edges: [Edge]

  /// Makes a cluster.
  public init(namespaces: Int, workloads: Int, pods: Int, edges: Int) {
    self.namespaces = namespaces
    self.workloads = workloads
    self.pods = pods
    var random = GeneratedNumbers(seed: 7)
    var made: [Edge] = []
    var seen: Set<Int> = []
    let ports = [80, 443, 5432, 6379, 8080, 8443, 9090, 9092, 9200, 27017]
    while made.count < edges {
      let source = random.next(below: workloads)
      let destination = random.next(below: workloads)
      let port = ports[random.next(below: ports.count)]
      let key = (source * workloads + destination) * 65_536 + port
      guard source != destination, seen.insert(key).inserted else { continue }
      made.append(Edge(source: source, destination: destination, port: port))
    }
    self.edges = made
  }

  /// The namespace of a workload.
  public func namespace(_ workload: Int) -> String { "team-\(workload % namespaces)" }

  /// The name of a workload.
  public func name(_ workload: Int) -> String { "service-\(workload)" }

  /// The number of nodes.
  public let nodes = 60

  /// The node that a pod runs on.
  public func node(_ workload: Int, pod: Int) -> Int { (workload * pods + pod) * 7919 % nodes }

  /// The name of a node.
  public func nodeName(_ node: Int) -> String { "node-\(node)" }

  /// The address of a node.
  public func nodeAddress(_ node: Int) -> String { "10.250.0.\(node + 1)" }

  /// The address of a pod.
  public func address(_ workload: Int, pod: Int) -> String {
    let number = workload * pods + pod
    return "10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)"
  }
}

/// Reproducible numbers (a linear congruential generator's upper bits).
public struct GeneratedNumbers: Sendable {
  private var state: UInt64

  /// Starts a sequence.
  public init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  /// The next number from 0 to below a limit.
  public mutating func next(below limit: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(limit))
  }
}
