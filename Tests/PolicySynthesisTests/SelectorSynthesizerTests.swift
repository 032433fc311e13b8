import FlowAggregation
import FlowModel
import PolicyModel
import PolicySynthesis
import TestSupport
import Testing

/// The smallest stable selector for every mix of labels.
struct SelectorSynthesizerTests {
  private func workload(_ labelSets: Labels..., selector: Labels = [:]) -> Workload {
    Workload(namespace: "shop", labelSets: labelSets, selectorLabels: selector)
  }

  private func text(_ workloads: [Workload], _ targets: [Int] = [0]) -> String? {
    SelectorSynthesizer(workloads: workloads).selection(of: targets).map { selection in
      let parts = selection.requirements.map { requirement in
        "\(requirement.key) \(requirement.operation.rawValue) "
          + requirement.values.joined(separator: "|")
      }
      return parts.joined(separator: ", ")
        + (selection.matched == targets ? "" : " matches \(selection.matched)")
    }
  }

  @Test("The owner's own selector keys come before better known ones")
  func ownersKeysFirst() {
    let web = workload(
      ["app": "web", "app.kubernetes.io/name": "web", "zz": "1"],
      selector: ["zz": "1"]
    )
    #expect(text([web, workload(["app": "api"])]) == "zz In 1")
  }

  @Test("Of conventional keys the best known alone suffices")
  func conventionalKeys() {
    let web = workload(["app": "web", "app.kubernetes.io/name": "web", "aaa": "web"])
    #expect(text([web]) == "app.kubernetes.io/name In web")
  }

  @Test("Two releases of one chart differ by instance")
  func twoReleases() {
    let one = workload(["app.kubernetes.io/name": "redis", "app.kubernetes.io/instance": "one"])
    let two = workload(["app.kubernetes.io/name": "redis", "app.kubernetes.io/instance": "two"])
    #expect(text([one, two]) == "app.kubernetes.io/instance In one")
  }

  @Test("What says which part a pod plays right now selects nothing, unless a template says it")
  func momentaryRoles() {
    func database(_ kind: String?, _ role: String) -> Workload {
      Workload(
        namespace: "shop",
        owner: kind.map { WorkloadReference(kind: $0, name: "db-\(role)") },
        labelSets: [["app": "db", "role": role]]
      )
    }
    let operated = [database("StatefulSet", "master"), database("StatefulSet", "replica")]
    #expect(text(operated) == "app In db matches [0, 1]")
    let bare = [database(nil, "primary"), database(nil, "standby")]
    #expect(text(bare) == "app In db matches [0, 1]")
    let deployed = [database("Deployment", "master"), database("Deployment", "replica")]
    #expect(text(deployed) == "role In master")
    let tiers = [database("StatefulSet", "frontend"), database("StatefulSet", "backend")]
    #expect(text(tiers) == "role In frontend")
  }

  @Test("No single label suffices: two do")
  func twoLabels() {
    let workloads = [
      workload(["app": "a", "tier": "x"]), workload(["app": "a", "tier": "y"]),
      workload(["app": "b", "tier": "x"]),
    ]
    #expect(text(workloads) == "app In a, tier In x")
  }

  @Test("Labels that are part of another's need the absence of the rest")
  func partOfAnother() {
    let workloads = [workload(["app": "web"]), workload(["app": "web", "canary": "true"])]
    #expect(text(workloads) == "app In web, canary DoesNotExist ")
    #expect(text(workloads, [1]) == "canary In true")
  }

  @Test("A plain label of any kind comes before the absence of a well known one")
  func plainBeforeAbsence() {
    let workloads = [
      workload(["app": "web", "team": "a"]), workload(["app": "web", "tier": "x"]),
    ]
    #expect(text(workloads) == "team In a")
  }

  @Test("A selector fits the labels of every release")
  func newRelease() {
    let workloads = [
      workload(["app": "web"], ["app": "web", "release": "next"]), workload(["app": "api"]),
    ]
    #expect(text(workloads) == "app In web")
  }

  @Test("A label whose values differ within a workload serves by its presence at most")
  func unstableWithin() {
    let workloads = [
      workload(["app": "web", "shard": "a"], ["app": "web", "shard": "b"]),
      workload(["app": "web"]),
    ]
    #expect(text(workloads) == "shard Exists ")
  }

  @Test("Several workloads are named by the values of one key")
  func valueSet() {
    let workloads = ["web", "api", "db"].map { workload(["app": $0]) }
    #expect(text(workloads, [0, 2]) == "app In db|web")
  }

  @Test("Several workloads that differ by a label some lack are told by the others' values")
  func valuesOfOthers() {
    let workloads = [
      workload(["team": "a"]), workload(["team": "a", "tier": "x"]),
      workload(["team": "a", "tier": "y"]),
    ]
    #expect(text(workloads, [0, 1]) == "team In a, tier NotIn y")
  }

  @Test("What no label tells apart is matched together, and said")
  func indistinguishable() {
    let workloads = [workload(["app": "web"]), workload(["app": "web"]), workload(["app": "db"])]
    #expect(text(workloads) == "app In web matches [0, 1]")
    #expect(SelectorSynthesizer(workloads: workloads).inseparable(from: [0]) == [0, 1])
  }

  @Test("No labels, no selector")
  func noLabels() {
    let synthesizer = SelectorSynthesizer(workloads: [workload([:]), workload(["app": "web"])])
    #expect(synthesizer.selection(of: [0]) == nil)
    #expect(SelectorSynthesizer(workloads: [workload()]).selection(of: [0]) == nil)
  }

  @Test(
    "Volatile, changing and invalid labels are never used",
    arguments: [
      ["pod-template-hash": "6d4b75cb6d"], ["image": "v1.2.3"], ["ip": "10.0.0.7"],
      ["app": "web\n  namespaceSelector: {}"], ["app": "-web"], ["bad key": "web"],
      ["app": String(repeating: "a", count: 64)], ["-x/y": "web"],
    ] as [Labels]
  )
  func unusable(_ labels: Labels) {
    #expect(SelectorSynthesizer(workloads: [workload(labels)]).selection(of: [0]) == nil)
  }

  @Test("The owner's own selector may hold what looks like a version")
  func ownersValue() {
    let web = workload(["app": "web-1.2.3"], selector: ["app": "web-1.2.3"])
    #expect(text([web]) == "app In web-1.2.3")
  }

  @Test("The smallest of all selectors over plain labels", arguments: Seed.samples(200))
  func smallest(_ seed: Seed) {
    var random = seed
    let keys = ["app", "tier", "name", "team", "zone"]
    let workloads = (0..<Int.random(in: 1...8, using: &random)).map { _ in
      var labels: Labels = ["app": ["a", "b"].randomElement(using: &random) ?? "a"]
      for key in keys.dropFirst() where Bool.random(using: &random) {
        labels[key] = ["a", "b"].randomElement(using: &random)
      }
      return workload(labels)
    }
    let found = SelectorSynthesizer(workloads: workloads).selection(of: [0])
    let own = workloads[0].commonLabels.elements
    var best: Int?
    for mask in 1..<(1 << own.count) {
      let chosen = own.indices.filter { mask >> $0 & 1 == 1 }.map { own[$0] }
      let isExact = workloads.dropFirst().allSatisfy { other in
        !chosen.allSatisfy { other.commonLabels[$0.key] == $0.value }
      }
      // Only within the first tier that suffices is the smallest taken.
      let isConventional = chosen.allSatisfy { ["app", "tier", "name"].contains($0.key) }
      let rank = (isConventional ? 0 : 100) + chosen.count
      if isExact { best = min(best ?? rank, rank) }
    }
    guard let best else {
      let isPlain = found?.requirements.allSatisfy { $0.operation == .in } ?? true
      #expect(!isPlain || found?.matched != [0])
      return
    }
    #expect(found?.matched == [0])
    #expect(found?.requirements.count == best % 100)
    #expect(found?.requirements.allSatisfy { $0.operation == .in && $0.values.count == 1 } == true)
  }
}
