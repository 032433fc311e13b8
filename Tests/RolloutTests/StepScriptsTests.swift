import Foundation
import Rollout
import Testing
import TestSupport

struct StepScriptsTests {
  private static let allowAll = "networkpolicies.networking.k8s.io/flowlearn-temporary-allow-all"
  private static let rules = ["allow-dns", "cart", "default-deny-all", "web"].map {
    "networkpolicies.networking.k8s.io/\($0)"
  }

  private func summary(_ calls: [String]) -> [String] {
    calls.compactMap { call in
      let words = call.split(separator: " ").map(String.init)
      switch words.first {
      case "apply":
        let file = words.last?.split(separator: "/").last.map(String.init) ?? ""
        return (call.contains("--dry-run=server") ? "try " : "apply ") + file
      case "delete": return "delete \(words[2])"
      default: return nil
      }
    }
  }

  @Test(
    "apply.sh is one switch: tries all, allow-all first, rules, default-deny, allow-all away last"
  )
  func order() throws {
    let folder = try StepFolder(StepFixture.step().files())
    let outcome = try folder.run("apply.sh")
    #expect(outcome.status == 0, "\(outcome.output)")
    #expect(
      summary(try folder.takeCalls()) == [
        "try temporary-allow-all.yaml", "try allow-dns.yaml", "try rules.yaml",
        "try default-deny.yaml", "apply temporary-allow-all.yaml", "apply allow-dns.yaml",
        "apply rules.yaml", "apply default-deny.yaml", "delete flowlearn-temporary-allow-all",
      ]
    )
    #expect(try folder.cluster().keys.sorted() == StepScriptsTests.rules)
    #expect(try folder.run("verify.sh", ["--context", "test"]).status == 0)
  }

  @Test("A second run changes nothing and keeps the first backup")
  func twice() throws {
    let folder = try StepFolder(StepFixture.step().files())
    let older = StepFixture.policy("web", namespace: "shop", port: 99)
    try folder.put(older, "networkpolicies.networking.k8s.io", "web")
    #expect(try folder.run("apply.sh").status == 0)
    let saved = "step/backup/objects/networkpolicies.networking.k8s.io/web.yaml"
    let backup = try folder.read(saved)
    #expect(backup.contains("port: 99"))
    let cluster = try folder.cluster()
    #expect(try folder.run("apply.sh").status == 0)
    #expect(try folder.cluster() == cluster)
    #expect(try folder.read(saved) == backup)
    #expect(try folder.run("rollback.sh").status == 0)
    #expect(try folder.cluster() == ["networkpolicies.networking.k8s.io/web": older])
    #expect(try folder.run("rollback.sh").status == 0)
    #expect(try folder.cluster() == ["networkpolicies.networking.k8s.io/web": older])
  }

  @Test("An object of somebody else is never overwritten, deleted or restored")
  func foreign() throws {
    let folder = try StepFolder(StepFixture.step().files())
    let theirs = StepFixture.policy("web", namespace: "shop").replacing("flowlearn", with: "argo")
    try folder.put(theirs, "networkpolicies.networking.k8s.io", "web")
    let outcome = try folder.run("apply.sh")
    #expect(outcome.status == 1)
    #expect(outcome.output.contains("belongs to somebody else"))
    #expect(outcome.output.contains("This run has changed nothing."))
    #expect(summary(try folder.takeCalls()) == [])
    #expect(try folder.cluster().values.sorted() == [theirs])
    // Taken over by somebody else after the step: the way back leaves it alone.
    let other = try StepFolder(StepFixture.step().files())
    #expect(try other.run("apply.sh").status == 0)
    try other.put(theirs, "networkpolicies.networking.k8s.io", "web")
    let back = try other.run("rollback.sh")
    #expect(back.status == 0)
    #expect(back.output.contains("left alone"))
    #expect(try other.cluster() == ["networkpolicies.networking.k8s.io/web": theirs])
  }

  /// A namespace with an older rule of ours that is written anew, and one that is not written any more.
  private static let former = [
    "networkpolicies.networking.k8s.io/web": StepFixture.policy("web", namespace: "shop", port: 99),
    "networkpolicies.networking.k8s.io/gone": StepFixture.policy("gone", namespace: "shop"),
  ]

  private static func put(_ objects: [String: String], in folder: StepFolder) throws {
    for (path, yaml) in objects {
      let parts = path.split(separator: "/").map(String.init)
      try folder.put(yaml, parts[0], parts[1])
    }
  }

  @Test(
    "Wherever apply.sh fails, traffic flows or the switch is done, and the way back restores",
    arguments: [RolloutPlugin.other, .cilium]
  )
  func failures(plugin: RolloutPlugin) throws {
    let replaced = ["networkpolicies.networking.k8s.io gone"]
    let files = try StepFixture.step(plugin: plugin, replaced: replaced).files()
    let before = StepScriptsTests.former
    let allowAll =
      plugin == .cilium
      ? "ciliumnetworkpolicies.cilium.io/flowlearn-temporary-allow-all" : StepScriptsTests.allowAll
    let clean = try StepFolder(files)
    try StepScriptsTests.put(before, in: clean)
    #expect(try clean.run("apply.sh").status == 0)
    let count = try clean.takeCalls().count
    let after = try clean.cluster()
    for call in 1...count {
      for afterEffect in [false, true] {
        let folder = try StepFolder(files)
        try StepScriptsTests.put(before, in: folder)
        let outcome = try folder.run("apply.sh", failAt: call, afterEffect: afterEffect)
        #expect(outcome.status != 0, "call \(call)")
        #expect(outcome.output.contains("apply.sh stopped (exit"), "\(outcome.output)")
        #expect(outcome.output.contains("run apply.sh again"))
        let cluster = try folder.cluster()
        let opened = cluster[allowAll] != nil
        #expect(opened || cluster == before || cluster == after, "call \(call): \(cluster.keys)")
        if opened, cluster.count > 3 { #expect(!outcome.output.contains("changed nothing")) }
        if folder.exists("step/backup/complete") {
          #expect(try folder.run("rollback.sh").status == 0)
          #expect(try folder.cluster() == before, "call \(call)")
        } else {
          #expect(cluster == before, "changed before it was saved, call \(call)")
          #expect(try folder.run("rollback.sh").status == 1)
        }
        guard afterEffect else { continue }
        #expect(try folder.run("apply.sh").status == 0)
        #expect(try folder.cluster() == after, "call \(call)")
      }
    }
  }

  @Test(
    "Wherever rollback.sh fails, traffic flows or nothing was taken back, and a second run ends it"
  )
  func rollbackFailures() throws {
    let before = StepScriptsTests.former
    let replaced = ["networkpolicies.networking.k8s.io gone"]
    let files = try StepFixture.step(replaced: replaced).files()
    var call = 0
    while true {
      call += 1
      let folder = try StepFolder(files)
      try StepScriptsTests.put(before, in: folder)
      #expect(try folder.run("apply.sh").status == 0)
      let applied = try folder.cluster()
      let outcome = try folder.run("rollback.sh", failAt: call, afterEffect: call % 2 == 0)
      if outcome.status == 0 { break }
      let cluster = try folder.cluster()
      let opened = cluster[StepScriptsTests.allowAll] != nil
      #expect(opened || cluster == applied || cluster == before, "call \(call)")
      #expect(outcome.output.contains("rollback.sh stopped (exit"))
      #expect(try folder.run("rollback.sh").status == 0)
      #expect(try folder.cluster() == before)
    }
    #expect(call > 10)
  }

  @Test("The context is required, and a folder belongs to one cluster")
  func context() throws {
    let folder = try StepFolder(StepFixture.step().files())
    for script in ["apply.sh", "verify.sh", "rollback.sh"] {
      let outcome = try folder.run(script, [])
      #expect(outcome.status == 64)
      #expect(outcome.output.contains("usage: \(script) --context NAME"))
    }
    #expect(try folder.takeCalls().isEmpty)
    #expect(try folder.run("apply.sh", ["--context", "test", "--settle", "1;rm"]).status == 64)
    #expect(try folder.run("apply.sh").status == 0)
    try folder.write("other cluster\n", "step/backup/context")
    #expect(try folder.run("apply.sh").output.contains("not 'test'"))
    #expect(try folder.run("rollback.sh").status == 1)
  }

  @Test("Without a backup the way back asks, and then deletes our own objects only")
  func withoutBackup() throws {
    let folder = try StepFolder(StepFixture.step().files())
    #expect(try folder.run("apply.sh").status == 0)
    try FileManager.default.removeItem(at: folder.url.appendingPathComponent("step/backup"))
    let theirs = StepFixture.policy("x", namespace: "shop").replacing("flowlearn", with: "argo")
    try folder.put(theirs, "networkpolicies.networking.k8s.io", "x")
    #expect(try folder.run("rollback.sh").output.contains("--without-backup"))
    let arguments = ["--context", "test", "--settle", "0", "--without-backup"]
    #expect(try folder.run("rollback.sh", arguments).status == 0)
    #expect(try folder.cluster() == ["networkpolicies.networking.k8s.io/x": theirs])
  }

  @Test("verify.sh finds what is missing, foreign, changed, or still open")
  func verify() throws {
    let folder = try StepFolder(StepFixture.step().files())
    #expect(try folder.run("apply.sh").status == 0)
    let resource = "networkpolicies.networking.k8s.io"
    try folder.put(StepFixture.policy("web", namespace: "shop", port: 1), resource, "web")
    try FileManager.default.removeItem(
      at: folder.store.appendingPathComponent("\(resource)/default-deny-all")
    )
    let theirs = StepFixture.policy("cart", namespace: "shop").replacing("flowlearn", with: "argo")
    try folder.put(theirs, resource, "cart")
    try folder.put("x", resource, "flowlearn-temporary-allow-all")
    let outcome = try folder.run("verify.sh", ["--context", "test"])
    #expect(outcome.status == 1)
    #expect(outcome.output.contains("\(resource) default-deny-all is missing"))
    #expect(outcome.output.contains("\(resource) cart does not carry the label"))
    #expect(outcome.output.contains("rules.yaml differs"))
    #expect(outcome.output.contains("allow-all is still there"))
  }

  @Test("On Calico an explicit Deny is not passed over")
  func calicoDenies() throws {
    let folder = try StepFolder(StepFixture.step(plugin: .calico).files())
    let deny = "kind: GlobalNetworkPolicy\nspec:\n  egress:\n  - action: Deny\n"
    try folder.put(deny, "globalnetworkpolicies.projectcalico.org", "no-metadata")
    let outcome = try folder.run("apply.sh")
    #expect(outcome.status == 1)
    #expect(outcome.output.contains("no-metadata"))
    #expect(summary(try folder.takeCalls()) == [])
    let last = try StepFolder(
      StepFixture.step(plugin: .calico, allowAll: .calicoAfterDenies).files()
    )
    try last.put(deny, "globalnetworkpolicies.projectcalico.org", "no-metadata")
    #expect(try last.run("apply.sh").status == 0)
    #expect(try last.run("rollback.sh").status == 0)
    #expect(try last.cluster().count == 1)
  }

  @Test("Cilium's audited default-deny is applied only when every agent audits")
  func ciliumAudit() throws {
    let step = LogOnlyStep(namespace: "shop", plugin: .cilium, way: .ciliumAgentAudit)
    let folder = try StepFolder(step.files())
    #expect(try folder.run("apply.sh").output.contains("policy-audit-mode is not true"))
    try folder.write("true", "configmap")
    try folder.write("PolicyAuditMode  : Disabled\n", "agent")
    let outcome = try folder.run("apply.sh")
    #expect(outcome.status == 1)
    #expect(outcome.output.contains("is not in policy audit mode"))
    #expect(try folder.cluster().isEmpty)
    try folder.write("PolicyAuditMode  : Enabled\n", "agent")
    #expect(try folder.run("apply.sh").status == 0)
    #expect(try folder.cluster().count == 1)
    #expect(try folder.run("rollback.sh").status == 0)
    #expect(try folder.cluster().isEmpty)
  }

  @Test("What earlier files wrote and these do not is taken away in the switch, and comes back")
  func replaced() throws {
    let gone = "networkpolicies.networking.k8s.io gone"
    let folder = try StepFolder(StepFixture.step(replaced: [gone]).files())
    try StepScriptsTests.put(StepScriptsTests.former, in: folder)
    #expect(try folder.run("apply.sh").status == 0)
    #expect(
      summary(try folder.takeCalls()).suffix(3) == [
        "apply default-deny.yaml", "delete gone", "delete flowlearn-temporary-allow-all",
      ]
    )
    #expect(try folder.cluster().keys.sorted() == StepScriptsTests.rules)
    #expect(try folder.run("rollback.sh").status == 0)
    #expect(try folder.cluster() == StepScriptsTests.former)
    // One that somebody else has taken over stays.
    let other = try StepFolder(StepFixture.step(replaced: [gone]).files())
    let theirs = StepFixture.policy("gone", namespace: "shop").replacing("flowlearn", with: "argo")
    try other.put(theirs, "networkpolicies.networking.k8s.io", "gone")
    #expect(try other.run("apply.sh").status == 0)
    #expect(try other.cluster()["networkpolicies.networking.k8s.io/gone"] == theirs)
    #expect(throws: StepFileError.invalidName("networkpolicies x; rm")) {
      try StepFixture.step(replaced: ["networkpolicies x; rm"]).files()
    }
  }

  @Test("The last Allow of Calico's log-only way goes before the rules count, and comes back")
  func calicoLogIsReplaced() throws {
    let audit = try StepFolder(
      LogOnlyStep(namespace: "shop", plugin: .calico, way: .calicoLog).files()
    )
    #expect(try audit.run("apply.sh").status == 0)
    let before = try audit.cluster()
    let key = "networkpolicies.projectcalico.org/flowlearn-log-only"
    #expect(before[key]?.contains("action: Allow") == true)
    let watch = try StepFolder(StepFixture.step(plugin: .calico, logOnly: .calicoLog).files())
    try StepScriptsTests.put(before, in: watch)
    #expect(try watch.run("apply.sh").status == 0)
    #expect(try watch.cluster()[key] == nil)
    #expect(try watch.cluster().count == 4)
    #expect(try watch.run("rollback.sh").status == 0)
    #expect(try watch.cluster() == before)
  }

  @Test("Under Cilium's audit mode other audited default-denies must go first, and verify.sh fails")
  func ciliumSwitch() throws {
    let way = LogOnlyWay.ciliumAgentAudit
    let files = try StepFixture.step(plugin: .cilium, logOnly: way).files()
    let folder = try StepFolder(files)
    try folder.write("true", "configmap")
    let resource = "ciliumnetworkpolicies.cilium.io"
    let denying = StepFixture.policy("flowlearn-log-only", namespace: "pay")
    try folder.put(denying, resource, "flowlearn-log-only")
    let refused = try folder.run("apply.sh")
    #expect(refused.status == 1)
    #expect(refused.output.contains("pay/flowlearn-log-only"))
    #expect(summary(try folder.takeCalls()) == [])
    #expect(try folder.cluster().count == 1)

    let own = denying.replacing("namespace: pay", with: "namespace: shop")
    try folder.put(own, resource, "flowlearn-log-only")
    let outcome = try folder.run("apply.sh")
    #expect(outcome.status == 0, "\(outcome.output)")
    #expect(outcome.output.contains("Policy audit mode is still on, so nothing is enforced yet"))
    #expect(try folder.cluster().keys.sorted() == StepScriptsTests.rules)
    #expect(try folder.run("verify.sh", ["--context", "test"]).output.contains("audit mode is on"))
    try folder.write("false", "configmap")
    #expect(try folder.run("verify.sh", ["--context", "test"]).status == 0)
  }

  @Test("Under a cluster-wide default-deny the way back leaves the allow-all and says so")
  func rollbackUnderClusterDefaultDeny() throws {
    let folder = try StepFolder(StepFixture.step(plugin: .cilium).files())
    #expect(try folder.run("apply.sh").status == 0)
    let resource = "ciliumclusterwidenetworkpolicies.cilium.io"
    try folder.put(StepFixture.policy("x", namespace: "x"), resource, "flowlearn-default-deny")
    let outcome = try folder.run("rollback.sh")
    #expect(outcome.status == 1)
    #expect(outcome.output.contains("would cut the namespace off"))
    #expect(
      try folder.cluster().keys.sorted() == [
        "\(resource)/flowlearn-default-deny",
        "ciliumnetworkpolicies.cilium.io/flowlearn-temporary-allow-all",
      ]
    )
    try FileManager.default.removeItem(
      at: folder.store.appendingPathComponent("\(resource)/flowlearn-default-deny")
    )
    #expect(try folder.run("rollback.sh").status == 0)
    #expect(try folder.cluster().isEmpty)
  }

  @Test("A Log-then-Allow policy is refused where it would open what is isolated")
  func calicoLog() throws {
    let step = LogOnlyStep(namespace: "shop", plugin: .calico, way: .calicoLog)
    let folder = try StepFolder(step.files())
    #expect(try folder.run("apply.sh").status == 0)
    #expect(try folder.run("apply.sh").status == 0)
    let isolated = try StepFolder(step.files())
    try isolated.put("x", "networkpolicies.networking.k8s.io", "theirs")
    #expect(try isolated.run("apply.sh").status == 1)
    #expect(try isolated.cluster().count == 1)
  }

  @Test("Wherever the cluster-wide apply.sh fails, the way back leaves what was there before")
  func clusterWideFailures() throws {
    let files = try ClusterWideStep(plugin: .cilium, defaultDeny: .init(excludedNamespaces: []))
      .files()
    var call = 0
    while true {
      call += 1
      let folder = try StepFolder(files)
      let outcome = try folder.run("apply.sh", failAt: call, afterEffect: call % 2 == 0)
      if outcome.status == 0 { break }
      #expect(outcome.output.contains("apply.sh stopped (exit"))
      if folder.exists("step/backup/complete") {
        #expect(try folder.run("rollback.sh").status == 0)
      }
      #expect(try folder.cluster().isEmpty, "call \(call)")
    }
    #expect(call > 10)
  }

  @Test("The cluster-wide step applies the tier before what needs it, and goes back")
  func clusterWide() throws {
    let step = ClusterWideStep(
      plugin: .calico,
      defaultDeny: .init(excludedNamespaces: ["dev"])
    )
    let folder = try StepFolder(step.files())
    #expect(try folder.run("apply.sh").status == 0)
    #expect(
      summary(try folder.takeCalls()) == [
        "try tier.yaml", "try cluster-default-deny.yaml", "try tier.yaml", "apply tier.yaml",
        "try deny-metadata.yaml", "apply deny-metadata.yaml", "try cluster-default-deny.yaml",
        "apply cluster-default-deny.yaml",
      ]
    )
    #expect(try folder.run("rollback.sh").status == 0)
    #expect(
      summary(try folder.takeCalls()) == [
        "delete flowlearn-default-deny", "delete flowlearn.flowlearn-deny-metadata",
        "delete flowlearn",
      ]
    )
  }
}

extension String {
  fileprivate func replacing(_ text: String, with other: String) -> String {
    replacingOccurrences(of: text, with: other)
  }
}
