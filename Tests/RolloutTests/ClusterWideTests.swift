import FlowModel
import Testing
import TestSupport

@testable import Rollout

struct CiliumClusterWideTests {
  private func matches(_ selector: [CiliumClusterWide.Requirement], _ labels: Labels) -> Bool {
    selector.allSatisfy { requirement in
      let value = labels[requirement.key]
      return requirement.isIn == (value.map { requirement.values.contains($0) } ?? false)
    }
  }

  @Test("The selectors leave out exactly the exempt workloads", arguments: Seed.samples(200))
  func complement(seed: Seed) throws {
    var seed = seed
    let namespaces = ["a", "b", "c"]
    func labels() -> Labels {
      var labels = Labels()
      for key in ["app", "tier", "role"] where Bool.random(using: &seed) {
        labels[key] = ["x", "y"].randomElement(using: &seed)
      }
      return labels
    }
    let exemptions = (0..<Int.random(in: 0...4, using: &seed)).map { _ in
      MetadataExemption(
        namespace: namespaces.randomElement(using: &seed) ?? "a",
        labels: labels()
      )
    }
    let selectors = try CiliumClusterWide.selectors(leavingOut: exemptions)
    for _ in 0..<60 {
      let namespace = namespaces.randomElement(using: &seed) ?? "a"
      let pod = labels()
      let isExempt = exemptions.contains {
        $0.namespace == namespace && $0.labels.isSubset(of: pod)
      }
      var prefixed = Labels(pod.elements.map { ("k8s:" + $0.key, $0.value) })
      prefixed[CiliumClusterWide.namespaceKey] = namespace
      #expect(selectors.contains { matches($0, prefixed) } == !isExempt, "\(exemptions) \(pod)")
    }
  }

  @Test("Too many exemptions are an error, not a monster")
  func bound() {
    let exemptions = (0..<30).map { index in
      MetadataExemption(
        namespace: "a",
        labels: ["app": "x\(index)", "tier": "y\(index)", "role": "z\(index)"]
      )
    }
    #expect(throws: StepFileError.self) {
      try CiliumClusterWide.selectors(leavingOut: exemptions)
    }
  }
}
