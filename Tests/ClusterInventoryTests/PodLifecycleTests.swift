import ClusterInventory
import FlowModel
import TestSupport
import Testing

/// Random lives of pods on few addresses, seen through snapshots, against what really happened.
struct PodLifecycleTests {
  struct Life {
    var name: String
    var address: Int
    var start: Int64
    var end: Int64
    var isJob: Bool
    var app: String
  }

  static let second = Timestamps.second
  static let slack = 60 * Timestamps.second

  /// Lives that never share an address at the same time, in order of start.
  static func lives(_ seed: inout Seed, from begin: Int64) -> [Life] {
    var lives: [Life] = []
    for address in 1...4 {
      var time = begin
      for number in 0..<Int.random(in: 2...7, using: &seed) {
        let start = time + Int64.random(in: 1...400, using: &seed) * second
        let end = start + Int64.random(in: 1...900, using: &seed) * second
        let app = "app\(Int.random(in: 0..<4, using: &seed))"
        lives.append(
          Life(
            name: "\(app)-\(address)-\(number)",
            address: address,
            start: start,
            end: end,
            isJob: Bool.random(using: &seed),
            app: app
          )
        )
        // Kubernetes writes whole seconds: the next holder comes in a later one.
        time = end + Int64.random(in: 1...200, using: &seed) * second
      }
    }
    return lives
  }

  static func object(_ life: Life, at time: Int64) throws -> InventoryObject? {
    guard life.start <= time else { return nil }
    // A finished Job's pod stays and keeps showing its address; others vanish.
    guard time < life.end || life.isJob else { return nil }
    return try .pod("shop/\(life.name)", "10.0.0.\(life.address)", app: life.app) {
      $0.metadata.created = life.start
      $0.start = life.start
      $0.firstContainerStart = min(life.start + 5 * second, life.end)
      guard time >= life.end else { return }
      $0.phase = .succeeded
      $0.lastContainerEnd = life.end
    }
  }

  @Test(
    "An address is never given to a pod that did not hold it, and always to one seen holding it",
    arguments: Seed.samples(150)
  )
  func againstTruth(_ seed: Seed) throws {
    var seed = seed
    let begin = try at("00:00:00")
    let lives = PodLifecycleTests.lives(&seed, from: begin)
    let last = lives.map(\.end).max() ?? begin
    var times: [Int64] = []
    for _ in 0..<Int.random(in: 1...8, using: &seed) {
      times.append(Int64.random(in: begin...last, using: &seed) / 1000 * 1000)
    }
    times.sort()
    let anchor = try InventoryObject.pod("kube-system/dns-1", "10.0.9.9", start: "00:00:00")
    let other = try InventoryObject.pod("shop/keep-1", "10.0.9.8", start: "00:00:00")
    var inventory = Inventory(cluster: "test")
    for time in times.shuffled(using: &seed) {
      var objects = [anchor, other]
      for life in lives {
        if let object = try PodLifecycleTests.object(life, at: time) { objects.append(object) }
      }
      inventory.add(InventorySnapshot(time: time, objects: objects))
    }
    let table = AddressTable(inventory)
    let newest = try #require(times.last)

    for _ in 0..<200 {
      let number = Int.random(in: 1...4, using: &seed)
      let start = Int64.random(in: begin...newest, using: &seed)
      let end = min(
        newest,
        start + Int64.random(in: 0...90, using: &seed) * PodLifecycleTests.second
      )
      let resolution = table.resolve(
        try address("10.0.0.\(number)"),
        transport: .tcp,
        port: 80,
        from: start,
        to: end
      )
      let holders = lives.filter { $0.address == number }
      if case .endpoint(let endpoint) = resolution, endpoint.kind == .pod {
        let held = holders.contains {
          $0.app == endpoint.workload?.name && $0.start - PodLifecycleTests.slack <= end
            && start < $0.end + PodLifecycleTests.second + PodLifecycleTests.slack
        }
        #expect(held, "\(endpoint.workload?.name ?? "") did not hold it")
      }
      // Whoever a snapshot shows running held the address from its start to that snapshot.
      for life in holders {
        let seen = times.last { life.start <= $0 && $0 < life.end }
        let finished = life.isJob && times.contains { $0 >= life.end } ? life.end : seen
        guard let sure = finished, life.start <= start, end < sure else { continue }
        #expect(resolution.word == life.app, "\(life.name) was seen holding it")
      }
    }
  }

  /// A claim in grid cells of ten seconds.
  struct Claim {
    var app: Int
    var from: Int
    var begun: Int
    var assumed: Int?
    var to: Int
    var isLive: Bool
  }

  static let cells = 120

  /// The holder per cell: nil nobody, -1 several.
  static func cells(of claims: [Claim]) -> [Int?] {
    (0..<cells).map { cell in
      var best: [(weight: Int, app: Int)] = []
      for (index, claim) in claims.enumerated() {
        var end = claim.to
        if let assumed = claim.assumed {
          let others = claims.indices.filter { $0 != index }.map { claims[$0].from }
          end = ([cells] + others.filter { $0 > assumed }).min() ?? cells
        }
        guard claim.from <= cell, cell < end else { continue }
        let isWeak = cell < claim.begun || cell >= claim.assumed ?? cells
        best.append((isWeak ? 1 : claim.isLive ? 3 : 2, claim.app))
      }
      guard let top = best.map(\.weight).max() else { return nil }
      let apps = Set(best.filter { $0.weight == top }.map(\.app))
      return apps.count == 1 ? apps.first : -1
    }
  }

  @Test(
    "Contradicting claims are weighed as a search over every instant does",
    arguments: Seed.samples(200)
  )
  func againstBruteForce(_ seed: Seed) throws {
    var seed = seed
    let base = try at("00:00:00")
    let cell = 10 * Timestamps.second
    let snapshot = 60
    var claims: [Claim] = []
    var objects = [try InventoryObject.pod("kube-system/dns-1", "10.0.9.9", start: "00:00:00")]
    for number in 0..<Int.random(in: 1...5, using: &seed) {
      let from = Int.random(in: 0..<snapshot, using: &seed)
      let begun = Int.random(in: from...min(from + 8, snapshot), using: &seed)
      let app = Int.random(in: 0..<3, using: &seed)
      let kind = Int.random(in: 0..<3, using: &seed)
      let to = Int.random(in: begun...(snapshot + 20), using: &seed)
      // 0 running, 1 finished, 2 being deleted
      let claim = Claim(
        app: app,
        from: from,
        begun: begun,
        assumed: kind == 0 ? snapshot : nil,
        to: kind == 0 ? PodLifecycleTests.cells : to,
        isLive: kind == 0
      )
      if claim.to > claim.from { claims.append(claim) }
      objects.append(
        try .pod("shop/app\(app)-\(number)", "10.0.0.1", app: "app\(app)") {
          $0.metadata.created = base + Int64(from) * cell
          $0.start = base + Int64(from) * cell
          $0.firstContainerStart = base + Int64(begun) * cell
          if kind == 1 {
            $0.phase = .succeeded
            $0.lastContainerEnd = base + Int64(to) * cell - Timestamps.second
          }
          if kind == 2 { $0.deletion = base + Int64(to) * cell }
        }
      )
    }
    var inventory = Inventory(cluster: "test")
    let time = base + Int64(snapshot) * cell
    inventory.add(InventorySnapshot(time: time, objects: objects))
    let table = AddressTable(inventory)
    let holders = PodLifecycleTests.cells(of: claims)
    let tested = try address("10.0.0.1")
    for _ in 0..<150 {
      let first = Int.random(in: 0..<100, using: &seed)
      let last = min(PodLifecycleTests.cells - 10, first + Int.random(in: 0..<12, using: &seed))
      let start = base + Int64(first) * cell + cell / 2
      let end = base + Int64(last) * cell + cell / 2
      let expected = PodLifecycleTests.expected(holders, first, last)
      let actual = table.resolve(tested, transport: .tcp, port: 1, from: start, to: end).word
      #expect(actual == expected, "cells \(first)...\(last) of \(holders)")
    }
  }

  /// What the rules say of a record over cells `first...last`; six cells are the slack.
  static func expected(_ holders: [Int?], _ first: Int, _ last: Int) -> String {
    let inside = (first...last).compactMap { holders[$0] }
    if inside.contains(-1) || Set(inside).count > 1 { return "ambiguous" }
    if let app = inside.first {
      var empty = 0
      var isFirst = true
      for cell in first...last {
        if holders[cell] != nil {
          // Records begin and end in the middle of a cell.
          if isFirst ? empty * 10 - 5 > 60 : empty > 12 { return "unknown-pod" }
          isFirst = false
          empty = 0
        } else {
          empty += 1
        }
      }
      return empty > 0 && empty * 10 - 5 >= 60 ? "unknown-pod" : "app\(app)"
    }
    var near: Set<Int> = []
    // The record lies inside the interval widened by the slack.
    if let before = (0..<first).last(where: { holders[$0] != nil }), let app = holders[before],
      (last - before) * 10 - 5 < 60
    {
      near.insert(app)
    }
    if let after = (last..<cells).first(where: { holders[$0] != nil }), let app = holders[after],
      (after - first) * 10 - 5 <= 60
    {
      near.insert(app)
    }
    if near.contains(-1) || near.count > 1 { return "ambiguous" }
    return near.first.map { "app\($0)" } ?? "unknown-pod"
  }
}
