import FlowModel

/// Numbers the endpoints of edges and the ends of connections they belong to, so that folding
/// compares numbers instead of label sets.
struct EdgeEnds {
  /// Where an edge starts or ends.
  struct Place {
    /// The number of the endpoint.
    var endpoint: Int
    /// The number of the end; nil where the endpoint is a pod of no known workload.
    var end: Int?
  }

  /// Both ends of an edge.
  struct Pair {
    var source: Place
    var destination: Place
  }

  /// The ends by number: all workloads, then everything else in the order met.
  private(set) var all: [ConnectionEnd]
  private let workloadOf: [Endpoint: Int]
  private var places: [Key: Place] = [:]

  /// An endpoint that is hashed by what tells endpoints apart as a rule.
  private struct Key: Hashable {
    var endpoint: Endpoint

    func hash(into hasher: inout Hasher) {
      hasher.combine(endpoint.namespace)
      hasher.combine(endpoint.name)
      hasher.combine(endpoint.workload?.name)
      hasher.combine(endpoint.address)
      for label in endpoint.labels.elements { hasher.combine(label.value) }
    }
  }

  /// Makes a numbering that knows the workloads.
  init(workloads: Int, workloadOf: [Endpoint: Int]) {
    all = (0..<workloads).map(ConnectionEnd.workload)
    self.workloadOf = workloadOf
  }

  /// The ends of each edge, in order.
  mutating func number(_ edges: [FlowEdge]) -> [Pair] {
    var pairs: [Pair] = []
    pairs.reserveCapacity(edges.count)
    for edge in edges {
      pairs.append(Pair(source: place(of: edge.source), destination: place(of: edge.destination)))
    }
    return pairs
  }

  private mutating func place(of endpoint: Endpoint) -> Place {
    let key = Key(endpoint: endpoint)
    if let known = places[key] { return known }
    let place: Place
    if endpoint.kind == .pod {
      place = Place(endpoint: places.count, end: workloadOf[endpoint])
    } else {
      place = Place(endpoint: places.count, end: all.count)
      all.append(.other(endpoint))
    }
    places[key] = place
    return place
  }
}
