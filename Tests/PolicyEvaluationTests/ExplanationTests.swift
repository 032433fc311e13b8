import FlowModel
import PolicyEvaluation
import PolicyModel
import Testing

@Suite struct ExplanationTests {
  private let web = PolicyEndpoint.app("shop/web")
  private let cart = PolicyEndpoint.app("shop/cart")

  private func explain(_ policies: [Policy], to destination: PolicyEndpoint) -> Explanation {
    PolicyEvaluator(policies: PolicySet(policies: policies)).explain(
      PolicyConnection(source: web, destination: destination, transport: .tcp, port: 80)
    )
  }

  @Test("Every rule tried says why it did or did not match")
  func outcomes() {
    let explanation = explain(
      [
        .of(
          .networkPolicy,
          "web",
          app: "web",
          [
            .to([.app("x")], [PolicyPort(.tcp, 80)]), .to([.app("cart")], [PolicyPort(.tcp, 81)]),
            .to([.app("x")], [PolicyPort(.tcp, 81)]), .to([.app("cart")]), .to(nil),
          ]
        )
      ],
      to: cart
    )
    #expect(
      explanation.egress.policies.first?.rules.map(\.outcome)
        == [.otherPeer, .otherPort, .otherPeerAndPort, .matched, .outvoted]
    )
    #expect(explanation.ingress.policies.isEmpty)
    #expect(explanation.ingress.decision == .notIsolated)
  }

  @Test("Rules past the deciding one are not reached in tiers")
  func notReached() {
    let explanation = explain(
      [
        .of(
          .calicoNetworkPolicy,
          app: "web",
          [.to(nil, nil, .log), .to(nil, nil, .deny), .to(nil)]
        )
      ],
      to: cart
    )
    #expect(
      explanation.egress.policies.first?.rules.map(\.outcome) == [.matched, .matched, .notReached]
    )
    #expect(explanation.egress.policies.first?.tier == "default")
  }

  @Test("A name that no DNS rule lets be asked for, and a prefix covered in part, are named")
  func nearMisses() {
    let name = explain(
      [.of(.ciliumNetworkPolicy, [.to([.dnsName("a.b")])])],
      to: .external("9.9.9.9", names: ["a.b"])
    )
    #expect(name.egress.policies.first?.rules.map(\.outcome) == [.nameNotAsked])
    let part = explain(
      [.of(.networkPolicy, [.to([.block("9.9.9.0/24")])])],
      to: .external("9.9.0.0/16")
    )
    #expect(part.egress.policies.first?.rules.map(\.outcome) == [.partOfPeer])
  }

  @Test("The text names ends, sides, policies and rules, without raw control characters")
  func lines() {
    let hostile = PolicyEndpoint.pod("shop", ["app": "a\u{1b}[31m\nb"])
    let explanation = explain(
      [.of(.networkPolicy, "web", app: "web", [.to([.app("cart")])])],
      to: hostile
    )
    #expect(
      explanation.lines == [
        "shop{app=web} -> shop{app=a\\u{1b}[31m\\u{a}b} TCP/80: denied",
        "  egress of shop{app=web}: denied, no rule of NetworkPolicy shop/web allows it",
        "    NetworkPolicy shop/web", "      rule 0 allow: another peer",
        "  ingress of shop{app=a\\u{1b}[31m\\u{a}b}: allowed, no policy isolates it",
      ]
    )
  }
}
