import FlowModel
import PolicyEvaluation
import PolicyModel
import TestSupport
import Testing

@Suite struct PolicyDifferenceTests {
  private let endpoints: [PolicyEndpoint] = [
    .app("shop/web"), .app("shop/cart"), .external("9.9.9.9"),
  ]

  private func difference(_ old: [PolicyRule], _ new: [PolicyRule]) -> PolicyDifference {
    PolicyDifference(
      from: PolicySet(policies: [.of(.networkPolicy, app: "web", isolates: [.egress], old)]),
      to: PolicySet(policies: [.of(.networkPolicy, app: "web", isolates: [.egress], new)]),
      endpoints: endpoints
    )
  }

  private func kinds(_ difference: PolicyDifference) -> [String] {
    difference.rules.map {
      switch $0 {
      case .added(let rule): "added \(rule.index)"
      case .gone(let rule): "gone \(rule.index)"
      case .widened(let from, let to): "widened \(from.index) \(to.index)"
      case .narrowed(let from, let to): "narrowed \(from.index) \(to.index)"
      case .rewritten(let from, let to): "rewritten \(from.index) \(to.index)"
      }
    }
  }

  private let tcp80 = [PolicyPort(.tcp, 80)]

  @Test("Equal sets do not differ, whatever the order")
  func equal() {
    let one = PolicyRule.to([.app("cart")], tcp80)
    let two = PolicyRule.to([.block("9.0.0.0/8")], tcp80)
    #expect(difference([one, two], [two, one]).isEmpty)
  }

  @Test("A rule more and a rule less")
  func addedAndGone() {
    let change = difference([.to([.app("cart")], tcp80)], [.to([.block("9.0.0.0/8")], tcp80)])
    #expect(kinds(change) == ["gone 0", "added 0"])
    let ports = PortSpan(transport: .tcp, first: 80, last: 80)
    #expect(change.added == [AdmissionChange(source: 0, destination: 2, ports: ports)])
    #expect(change.removed == [AdmissionChange(source: 0, destination: 1, ports: ports)])
  }

  @Test("Wider by ports, by prefix and by pods; narrower the other way round")
  func widened() {
    let pairs: [(PolicyRule, PolicyRule)] = [
      (.to([.app("cart")], tcp80), .to([.app("cart")], tcp80 + [PolicyPort(.tcp, 81)])),
      (.to([.app("cart")], tcp80), .to([.app("cart")])),
      (.to([.app("cart")], tcp80), .to(nil, tcp80)),
      (.to([.block("9.9.9.9/32")], tcp80), .to([.block("9.9.9.0/24")], tcp80)),
      (
        .to([.app("cart")], tcp80),
        .to([.pods(PodMatch(pods: .everything))], tcp80)
      ),
    ]
    for (narrow, wide) in pairs {
      #expect(kinds(difference([narrow], [wide])) == ["widened 0 0"])
      #expect(kinds(difference([wide], [narrow])) == ["narrowed 0 0"])
    }
  }

  @Test("The same pods selected in another way are no change of connections")
  func rewritten() {
    let peer = PolicyPeer.pods(
      PodMatch(pods: .requirements([LabelRequirement("app", .in, ["cart", "x"])]))
    )
    let change = difference([.to([.app("cart")], tcp80)], [.to([peer], tcp80)])
    #expect(kinds(change) == ["rewritten 0 0"])
    #expect(change.addedCount == 0 && change.removedCount == 0)
  }

  @Test("A new policy counts by what it takes away too")
  func isolation() {
    let observed = [ReplayConnection(source: 0, destination: 1, transport: .tcp, port: 9)]
    let change = PolicyDifference(
      from: PolicySet(),
      to: PolicySet(policies: [.of(.networkPolicy, app: "web", [.to([.app("cart")], tcp80)])]),
      endpoints: endpoints,
      observed: observed
    )
    let removed = change.removed.map { "\($0.source)>\($0.destination) \($0.ports)" }
    #expect(
      removed == ["0>0 TCP/9", "0>0 TCP/80", "0>1 TCP/9", "0>2 TCP/9", "0>2 TCP/80"]
    )
    #expect(change.added.isEmpty)
  }

  @Test("A default deny assumed for one set only shows in its namespace")
  func oneSidedIsolation() {
    let change = PolicyDifference(
      from: PolicySet(),
      to: PolicySet(),
      endpoints: endpoints,
      observed: [ReplayConnection(source: 0, destination: 1, transport: .tcp, port: 9)],
      isolatedNamespaces: ["shop"],
      oldIsolatedNamespaces: []
    )
    #expect(change.rules.isEmpty && change.added.isEmpty && !change.isEmpty)
    #expect(change.removed.allSatisfy { $0.ports.description == "TCP/9" })
    let shop = Set(endpoints.indices.filter { endpoints[$0].namespace == "shop" })
    #expect(change.removed.allSatisfy { shop.contains($0.source) || shop.contains($0.destination) })
    #expect(change.removed.contains { $0.source == 0 && $0.destination == 1 })
  }

  @Test("Differences agree with all pairs asked", arguments: Seed.samples(60))
  func agrees(_ sample: Seed) {
    var seed = sample
    let old = RandomPolicies.set(&seed)
    let new = RandomPolicies.set(&seed)
    let endpoints = RandomPolicies.endpoints
    let observed = [UInt16(53), 80, 443].map {
      ReplayConnection(source: 0, destination: 1, transport: .tcp, port: $0)
    }
    let change = PolicyDifference(from: old, to: new, endpoints: endpoints, observed: observed)
    let back = PolicyDifference(from: new, to: old, endpoints: endpoints, observed: observed)
    #expect(change.added == back.removed && change.removed == back.added)
    var before = PolicyMatrix(policies: old, endpoints: endpoints)
    var after = PolicyMatrix(policies: new, endpoints: endpoints)
    for source in endpoints.indices {
      for destination in endpoints.indices {
        let one = before.admittedPorts(from: source, to: destination)
        let two = after.admittedPorts(from: source, to: destination)
        for port in [UInt16(53), 80, 443] where one.contains(.tcp, port) != two.contains(.tcp, port)
        {
          let list = two.contains(.tcp, port) ? change.added : change.removed
          #expect(
            list.contains {
              $0.source == source && $0.destination == destination
                && ($0.ports.transport == nil
                  || $0.ports.transport == .tcp && $0.ports.first <= port && port <= $0.ports.last)
            }
          )
        }
      }
    }
  }
}
