import FlowModel

/// One end of a sample connection.
enum SampleEnd {
  case pod(SamplePod)
  /// An address outside; with the DNS name the client asked for.
  case external(address: String, name: String?)
  /// The node a pod runs on (kubelet).
  case host(node: Int)
}

/// What happens to a sample connection.
enum SampleOutcome {
  /// Answered.
  case answered
  /// The port is closed: only a reset comes back.
  case refused
  /// Nothing comes back that the log would see.
  case silent
}

/// One connection of the sample cluster.
struct SampleConnection {
  var time: Int64
  var source: SampleEnd
  var destination: SampleEnd
  var transport: String
  var sourcePort: Int
  var port: Int
  var outcome = SampleOutcome.answered
}

/// The connections of two weeks, the same on every run.
struct SampleTraffic {
  private var state: UInt64 = 42
  private(set) var connections: [SampleConnection] = []

  /// Makes all connections, sorted by time.
  init() {
    for day in 0..<SampleCluster.days { addDay(day) }
    addAttacks()
    connections.sort { $0.time < $1.time }
  }

  private mutating func random(_ limit: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(limit))
  }

  private mutating func pick(_ namespace: String, _ owner: String) -> SamplePod {
    let pods = SampleCluster.pods(namespace, owner)
    return pods[random(pods.count)]
  }

  private mutating func add(
    day: Int,
    hour: Int,
    _ source: SampleEnd,
    _ destination: SampleEnd,
    _ transport: String,
    _ port: Int,
    outcome: SampleOutcome = .answered
  ) {
    let seconds = Int64(day * 86_400 + hour * 3600 + random(3500))
    connections.append(
      SampleConnection(
        time: SampleCluster.start + seconds * Timestamps.second + Int64(random(1_000_000)),
        source: source,
        destination: destination,
        transport: transport,
        sourcePort: 32_768 + random(28_000),
        port: port,
        outcome: outcome
      )
    )
  }

  private mutating func addDay(_ day: Int) {
    for hour in 0..<24 {
      let prometheus = pick("monitoring", "prometheus")
      switch hour % 4 {
      case 0:
        add(day: day, hour: hour, .pod(prometheus), .pod(pick("app-prod", "web")), "TCP", 9090)
      case 1:
        add(day: day, hour: hour, .pod(prometheus), .pod(pick("app-prod", "api")), "TCP", 9090)
      case 2: add(day: day, hour: hour, .pod(prometheus), .pod(pick("app-prod", "db")), "TCP", 9187)
      default:
        let web = pick("app-prod", "web")
        add(day: day, hour: hour, .host(node: web.node), .pod(web), "TCP", 8080)
      }
    }
    for hour in [1, 7, 13, 19] { addShop("app-prod", day: day, hour: hour) }
    addShop("shop-staging", day: day, hour: 10)
    addOutside(day)
    if day >= 8 {
      for hour in [9, 21] {
        add(
          day: day,
          hour: hour,
          .pod(pick("app-prod", "api")),
          .pod(pick("app-prod", "cache")),
          "TCP",
          6379
        )
      }
    }
    if day % 7 == 6 {
      add(
        day: day,
        hour: 3,
        .pod(pick("app-prod", "report")),
        .pod(pick("app-prod", "db")),
        "TCP",
        5432
      )
      add(
        day: day,
        hour: 3,
        .pod(pick("app-prod", "report")),
        .pod(pick("kube-system", "coredns")),
        "UDP",
        53
      )
    }
  }

  /// Requests from web over api to db, each with its name look-ups.
  private mutating func addShop(_ namespace: String, day: Int, hour: Int) {
    let web = pick(namespace, "web")
    let api = pick(namespace, "api")
    let database = pick(namespace, "db")
    add(day: day, hour: hour, .pod(web), .pod(pick("kube-system", "coredns")), "UDP", 53)
    add(day: day, hour: hour, .pod(web), .pod(api), "TCP", 8080)
    add(day: day, hour: hour, .pod(api), .pod(pick("kube-system", "coredns")), "UDP", 53)
    add(day: day, hour: hour, .pod(api), .pod(database), "TCP", 5432)
  }

  private mutating func addOutside(_ day: Int) {
    for hour in [0, 6, 12, 18] {
      let client = "203.0.113.\(1 + random(200))"
      let ingress = pick("ingress-system", "ingress-nginx")
      add(
        day: day,
        hour: hour,
        .external(address: client, name: nil),
        .pod(ingress),
        "TCP",
        8443
      )
      add(day: day, hour: hour, .pod(ingress), .pod(pick("app-prod", "web")), "TCP", 8080)
    }
    for hour in [8, 20] {
      add(
        day: day,
        hour: hour,
        .pod(pick("app-prod", "api")),
        .external(address: "192.0.2.\(10 + random(2))", name: "api.payments.example.com"),
        "TCP",
        443
      )
    }
    add(
      day: day,
      hour: 2,
      .pod(pick("app-prod", "db")),
      .external(address: "198.51.100.20", name: nil),
      "TCP",
      443
    )
  }

  /// A port scan from staging against the production database, and a look at the metadata service.
  private mutating func addAttacks() {
    let shell = pick("shop-staging", "debug-shell")
    let database = pick("app-prod", "db")
    for port in [
      21, 22, 23, 25, 80, 110, 111, 135, 139, 143, 443, 445, 993, 1433, 3306, 3389, 5432, 5900,
      6379, 8080, 8443, 9200, 11211, 27017,
    ] {
      add(
        day: 4,
        hour: 23,
        .pod(shell),
        .pod(database),
        "TCP",
        port,
        outcome: port == 5432 ? .answered : .refused
      )
    }
    for day in [5, 9] {
      add(
        day: day,
        hour: 4,
        .pod(pick("app-prod", "api")),
        .external(address: "169.254.169.254", name: nil),
        "TCP",
        80
      )
    }
  }
}
