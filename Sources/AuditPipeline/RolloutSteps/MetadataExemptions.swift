import FlowAggregation
import FlowModel
import FlowStorage
import PolicyModel
import PolicySynthesis
package import Rollout

extension RolloutWorkflow {
  /// The workloads that people accepted as needing the metadata service.
  ///
  /// They are selected by the labels that policies select them by: others may change with the next
  /// release, and the deny would then cut the workload off.
  ///
  /// - Throws: ``RolloutStepError/noSelector(workload:)`` for a workload that no such labels select.
  package func metadataExemptions(now: Int64) async throws -> [MetadataExemption] {
    let accepted = reader.decisions.inForce(at: now).filter { decision in
      guard decision.verdict == .accept, case .prefix(let prefix) = decision.key.destination else {
        return false
      }
      return ClusterWideStep.metadataAddresses.contains { prefix.contains($0) }
    }
    guard !accepted.isEmpty else { return [] }
    let pods = try await stores.flows.podEndpoints(before: nil)
    let workloads = reader.fold([], pods: pods, until: .max).workloads
    var exemptions: Set<MetadataExemption> = []
    for decision in accepted {
      let matches = workloads.indices.filter {
        Evidence.decisionEnd(.workload($0), workloads) == decision.key.source
      }
      for index in matches where !workloads[index].isHostNetwork {
        exemptions.insert(try exemption(of: index, among: workloads, decision.key.source))
      }
    }
    return exemptions.sorted()
  }

  private func exemption(of index: Int, among workloads: [Workload], _ end: DecisionEnd)
    throws -> MetadataExemption
  {
    let namespace = workloads[index].namespace
    let positions = workloads.indices.filter {
      workloads[$0].namespace == namespace && !workloads[$0].isHostNetwork
    }
    let selection = SelectorSynthesizer(workloads: positions.map { workloads[$0] })
      .selection(of: positions.indices.filter { positions[$0] == index })
    var labels: [(String, String)] = []
    for requirement in selection?.requirements ?? [] {
      guard requirement.operation == .in, let value = requirement.values.first,
        requirement.values.count == 1
      else { throw RolloutStepError.noSelector(workload: end.description) }
      labels.append((requirement.key, value))
    }
    guard !labels.isEmpty else { throw RolloutStepError.noSelector(workload: end.description) }
    return MetadataExemption(namespace: namespace, labels: Labels(labels))
  }
}
