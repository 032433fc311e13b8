import FlowModel
import PolicyModel
import TestSupport
import Testing

@testable import PolicyManifests

struct CalicoSelectorParserTests {
  @Test(
    "Every construct is read",
    arguments: [
      ("", LabelSelector.everything), ("all()", .everything), ("all( )", .everything),
      ("!all()", .any([])), ("has(a)", .requirements([LabelRequirement("a", .exists)])),
      ("!has(a)", .requirements([LabelRequirement("a", .doesNotExist)])),
      ("! !has(a)", .requirements([LabelRequirement("a", .exists)])),
      ("a == 'b'", .labels(["a": "b"])), ("a==\"b\"", .labels(["a": "b"])),
      ("a != 'b'", .requirements([LabelRequirement("a", .notIn, ["b"])])),
      ("a in {'b','c'}", .requirements([LabelRequirement("a", .in, ["b", "c"])])),
      ("a in{ 'b' }", .labels(["a": "b"])), ("a in {}", .any([])), ("a not in {}", .everything),
      ("a not in {'b', 'c'}", .requirements([LabelRequirement("a", .notIn, ["b", "c"])])),
      ("a contains '-'", .requirements([LabelRequirement("a", .contains, ["-"])])),
      ("a starts with 'b'", .requirements([LabelRequirement("a", .startsWith, ["b"])])),
      ("a ends  with 'b'", .requirements([LabelRequirement("a", .endsWith, ["b"])])),
      ("(a == 'b')", .labels(["a": "b"])), ("a == 'b' && c == 'd'", .labels(["a": "b", "c": "d"])),
      (
        "in in {'in'} && not == 'not' && has == 'x'",
        .labels(["in": "in", "not": "not", "has": "x"])
      ),
      ("!(a == 'b' && c == 'd')", .not(.labels(["a": "b", "c": "d"]))),
      ("k8s.io/a-b_c == 'x.y'", .labels(["k8s.io/a-b_c": "x.y"])),
    ]
  )
  func parses(text: String, expected: LabelSelector) throws {
    guard case .labels(let selector) = try CalicoSelectorParser.parse(text) else {
      Issue.record("global")
      return
    }
    #expect(selector.normalized() == expected)
  }

  @Test("And binds tighter than or, and not tighter than both")
  func precedence() throws {
    let a = LabelSelector.requirement(.equals("a", "1"))
    let b = LabelSelector.requirement(.equals("b", "1"))
    let c = LabelSelector.requirement(.equals("c", "1"))
    let text = "!a == '1' || b == '1' && c == '1'"
    #expect(try CalicoSelectorParser.parse(text) == .labels(.any([.not(a), .all([b, c])])))
    let grouped = "!(a == '1' || b == '1') && c == '1'"
    #expect(try CalicoSelectorParser.parse(grouped) == .labels(.all([.not(.any([a, b])), c])))
  }

  @Test("global() stands alone")
  func global() throws {
    #expect(try CalicoSelectorParser.parse(" global() ") == .global)
    #expect(throws: CalicoSelectorError.self) { try CalicoSelectorParser.parse("!global()") }
    #expect(throws: CalicoSelectorError.self) {
      try CalicoSelectorParser.parse("global() || has(a)")
    }
  }

  @Test(
    "Anything else is refused",
    arguments: [
      "a", "a =", "a = 'b'", "a == b", "a == 'b", "== 'b'", "(a == 'b'", "a == 'b')", "has()",
      "has(a", "has a", "a in", "a in {'b'", "a in {'b',}", "a in {b}", "a in ['b']", "a not 'b'",
      "a starts 'b'", "all", "&& has(a)", "has(a) &&", "has(a) has(b)", "has(a) & has(b)", "!",
      "a\n== 'b'", "a == 'b c'", "a == 'b\u{1}'", "é == 'b'", "-a == 'b'", "a/b/c == 'd'", "()",
      "a == 'b' || ", "a notin {'b'}",
    ]
  )
  func refuses(text: String) {
    #expect(throws: CalicoSelectorError.self) { try CalicoSelectorParser.parse(text) }
  }

  @Test("Deep nesting is refused, not followed")
  func depth() {
    let count = 100_000
    let text =
      String(repeating: "(", count: count) + "has(a)" + String(repeating: ")", count: count)
    #expect(throws: CalicoSelectorError.self) { try CalicoSelectorParser.parse(text) }
    let negations = String(repeating: "!", count: count) + "has(a)"
    #expect(throws: Never.self) { try CalicoSelectorParser.parse(negations) }
  }

  @Test("What is written is read back", arguments: Seed.samples(300))
  func roundTrip(seed: Seed) throws {
    var random = RandomPolicies(seed)
    let selector = random.tree(depth: 4).normalized()
    guard case .labels(let read) = try CalicoSelectorParser.parse(selector.calicoText) else {
      Issue.record("global")
      return
    }
    #expect(read.normalized() == selector, "\(selector.calicoText)")
  }

  @Test("No text makes the parser trap", arguments: Seed.samples(200))
  func fuzz(seed: Seed) {
    var seed = seed
    let parts = [
      "a", "'b'", "\"c\"", "==", "!=", "!", "&&", "||", "(", ")", "{", "}", ",", "in", "not",
      "has(",
      "all()", "global()", "contains", "starts with", " ", "\t", "'", "é", "\u{0}",
    ]
    for _ in 0..<50 {
      let text = (0..<seed.number(0...12)).map { _ in parts[seed.number(0...(parts.count - 1))] }
      _ = try? CalicoSelectorParser.parse(text.joined())
    }
  }
}
