/// What was observed of a namespace, as far as it tells how critical it is.
package struct CriticalityFacts: Hashable, Sendable {
  /// The namespace.
  package var namespace: String
  /// Its workloads that are reached from outside the cluster, in words.
  package var reachedFromOutside: [String]
  /// Other namespaces whose workloads connect to it.
  package var dependantNamespaces: [String]
  /// The ports on which its workloads were seen serving.
  package var servedPorts: [UInt16]

  /// Makes facts.
  package init(
    namespace: String,
    reachedFromOutside: [String] = [],
    dependantNamespaces: [String] = [],
    servedPorts: [UInt16] = []
  ) {
    self.namespace = namespace
    self.reachedFromOutside = reachedFromOutside
    self.dependantNamespaces = dependantNamespaces
    self.servedPorts = servedPorts
  }
}

/// A criticality to start from; people decide.
package struct CriticalitySuggestion: Hashable, Sendable {
  /// The suggestion.
  package var criticality: Criticality
  /// Why, most weighty first; never empty.
  package var reasons: [String]

  /// Well-known ports of data stores and message queues.
  package static let dataStorePorts: [UInt16: String] = [
    1433: "SQL Server", 1521: "Oracle", 2181: "ZooKeeper", 2379: "etcd", 3306: "MySQL",
    4222: "NATS", 5432: "PostgreSQL", 5672: "RabbitMQ", 6379: "Redis", 6650: "Pulsar",
    7000: "Cassandra", 8086: "InfluxDB", 9000: "ClickHouse", 9042: "Cassandra", 9092: "Kafka",
    9200: "Elasticsearch", 11211: "Memcached", 26257: "CockroachDB", 27017: "MongoDB",
  ]

  /// Judges by the weightiest fact; outside access and a data store together count as critical.
  package init(_ facts: CriticalityFacts) {
    var found: [(Criticality, String)] = []
    if SystemNamespaces.contains(facts.namespace) || facts.namespace.hasSuffix("-system") {
      let isCore = SystemNamespaces.contains(facts.namespace)
      found.append((isCore ? .critical : .high, "it is a system namespace"))
    }
    let outside = Set(facts.reachedFromOutside).sorted()
    if !outside.isEmpty {
      found.append((.high, "reached from outside the cluster: \(outside.briefly)"))
    }
    let dependants = Set(facts.dependantNamespaces).subtracting([facts.namespace]).sorted()
    if !dependants.isEmpty {
      let level: Criticality =
        dependants.count >= 5 ? .critical : dependants.count >= 2 ? .high : .medium
      found.append(
        (level, "\(Words.count(dependants.count, "namespace")) depend on it: \(dependants.briefly)")
      )
    }
    let stores = Set(facts.servedPorts).sorted().compactMap { port in
      CriticalitySuggestion.dataStorePorts[port].map { "\($0) (\(port))" }
    }
    if !stores.isEmpty {
      found.append((outside.isEmpty ? .high : .critical, "holds data: \(stores.briefly)"))
    }
    let sorted = found.sorted { $0.0 != $1.0 ? $0.0 > $1.0 : $0.1 < $1.1 }
    criticality = sorted.first?.0 ?? .low
    reasons =
      sorted.isEmpty
      ? ["nothing outside the namespace was seen to depend on it"] : sorted.map(\.1)
  }
}
