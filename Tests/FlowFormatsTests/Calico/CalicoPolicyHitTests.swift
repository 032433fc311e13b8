import JSONText
import Testing

@testable import FlowFormats

@Suite("Policy trace entries in every dialect")
struct CalicoPolicyHitTests {
  @Test(
    "Trace strings of four and five parts",
    arguments: [
      ("0|default|policy-demo/default.access-nginx|allow|0", "policy allow rule"),
      ("3|default|default.block-all|deny|2", "policy deny rule"),
      ("1|app|shop/app.checkout|deny|-1", "policy deny default"),
      ("1|app|shop/app.checkout|deny|-2", "policy deny default"),
      ("0|default|policy-demo/default.access-nginx|allow", "policy allow default"),
      ("0|default|shop/knp.default.web|allow|1", "policy allow rule"),
      ("0|kube-admin|kcnp.block|deny|0", "policy deny rule"),
      ("0|default|gnp:block|deny|0", "policy deny rule"),
      ("0|default|np:shop/web|pass|0", "policy pass rule"),
      ("0|default|knp:shop/web|allow|0", "policy allow rule"),
      ("0|kube-admin|kcnp:block|deny|0", "policy deny rule"),
      ("0|default|shop/staged:default.web|deny|0", "staged deny rule"),
      ("0|default|shop/default.staged:web|deny|0", "staged deny rule"),
      ("0|default|staged:default.web|deny|-1", "staged deny default"),
      ("0|default|shop/staged:knp.default.web|allow|0", "staged allow rule"),
      ("0|default|snp:shop/web|deny|0", "staged deny rule"),
      ("0|default|sgnp:web|deny|0", "staged deny rule"),
      ("0|default|sknp:shop/web|deny|0", "staged deny rule"),
      ("0|__PROFILE__|__PROFILE__.kns.shop|allow|0", "profile allow default"),
      ("0|__PROFILE__|__PROFILE__.ksa.shop.default|allow", "profile allow default"),
      ("0|__PROFILE__|pro:kns.shop|allow|0", "profile allow default"),
      ("0|__PROFILE__|__PROFILE__.__NO_MATCH__|deny|0", "endOfTier deny default"),
      ("0|default|default.__NO_MATCH__|deny|0", "endOfTier deny default"),
      ("0|default|eot:__NO_MATCH__|deny|-1", "endOfTier deny default"),
      ("0|default|default.web|unheard|0", "policy absent rule"),
    ]
  )
  func strings(_ trace: String, expected: String) throws {
    let hit = try #require(CalicoPolicyHit(trace: trace))
    #expect("\(hit.kind) \(hit.action) \(hit.isByRule ? "rule" : "default")" == expected)
  }

  @Test("What is no trace entry is none", arguments: ["", "a|b|c|d|e", "0|b|c", "0|a|b|allow|0|x"])
  func malformed(_ trace: String) { #expect(CalicoPolicyHit(trace: trace) == nil) }

  @Test(
    "Objects by name, by number, and with zero values left out",
    arguments: [
      (
        #"{"kind":"CalicoNetworkPolicy","action":"Deny","policy_index":2,"rule_index":0}"#,
        "policy deny 2 rule"
      ),
      (#"{"kind":2,"action":2,"rule_index":-1}"#, "policy deny 0 default"),
      (#"{"kind":"NetworkPolicy","action":"Deny"}"#, "policy deny 0 rule"),
      (#"{"kind":"StagedNetworkPolicy","action":"Deny"}"#, "staged deny 0 rule"),
      (#"{"kind":"StagedGlobalNetworkPolicy","action":"Allow"}"#, "staged allow 0 rule"),
      (#"{"kind":5,"action":3,"policyIndex":"4","ruleIndex":"1"}"#, "staged pass 4 rule"),
      (#"{"kind":9,"action":1,"name":"kns.shop"}"#, "profile allow 0 default"),
      (#"{"kind":10,"action":2,"ruleIndex":-1}"#, "endOfTier deny 0 default"),
      (
        #"{"kind":"EndOfTier","name":"","action":"Deny","rule_index":-1,"trigger":{"action":"ActionUnspecified"}}"#,
        "endOfTier deny 0 default"
      ),
      (#"{"kind":"KindUnspecified","action":"ActionUnspecified"}"#, "policy absent 0 rule"),
    ]
  )
  func objects(_ text: String, expected: String) throws {
    let hit = try #require(CalicoPolicyHit(try JSONParser.parse(text)))
    let rule = hit.isByRule ? "rule" : "default"
    #expect("\(hit.kind) \(hit.action) \(hit.index) \(rule)" == expected)
  }

  @Test(
    "Staged entries in the old mixed list decide what would happen",
    arguments: [
      (
        [
          "0|default|shop/staged:default.deny|deny|-1",
          "1|__PROFILE__|__PROFILE__.kns.shop|allow|0",
        ], "deny"
      ),
      (
        ["0|default|shop/staged:default.deny|deny|-1", "1|default|shop/default.web|allow|0"],
        "allow"
      ),
      (
        ["0|default|shop/staged:default.deny|deny|2", "1|default|shop/default.web|allow|0"], "deny"
      ),
      (["1|default|shop/default.web|allow|0", "0|default|shop/staged:default.x|pass|0"], "allow"),
      (["0|default|shop/staged:default.deny|deny|-1"], "deny"),
      (["0|default|shop/staged:default.deny|deny", "1|default|shop/default.web|allow"], "deny"),
      ([], "absent"),
    ]
  )
  func mixed(_ traces: [String], expected: String) {
    let hits = traces.compactMap { CalicoPolicyHit(trace: $0) }
    #expect(hits.count == traces.count)
    #expect("\(CalicoPolicyHit.pendingAction(ofMixed: hits))" == expected)
  }
}
