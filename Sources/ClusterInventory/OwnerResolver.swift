package import FlowModel

/// Finds the workload a pod belongs to, also where the objects between them are not in the inventory.
///
/// Source: "From pod to workload" in the inventory document.
package struct OwnerResolver: Sendable {
  private struct Key: Hashable {
    var kind: String
    var namespace: String
    var name: String
  }

  /// The owners of controllers that are in the inventory; nil for those without one.
  private var controllers: [Key: OwnerReference?] = [:]
  /// Distinct names of Jobs by the name they would have as a CronJob's.
  private var scheduledJobs: [Key: Set<String>] = [:]
  /// The common name of pods whose operator gives each one an owner object of its own.
  private var families: [Key: String] = [:]

  /// Kinds that own many pods by design; all others are custom.
  private static let builtInKinds: Set<String> = [
    "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Node",
    "ReplicationController", "DeploymentConfig", "Rollout",
  ]

  /// Learns the owners from an inventory.
  package init(_ inventory: Inventory) {
    var customPods: [Key: [PodObject]] = [:]
    for record in inventory.records {
      switch record.object {
      case .controller(let controller):
        let metadata = controller.metadata
        let key = Key(
          kind: controller.kind,
          namespace: metadata.namespace,
          name: metadata.name
        )
        controllers[key] = .some(metadata.owner)
        if controller.kind == "Job" { noteJob(metadata.name, in: metadata.namespace) }
      case .pod(let pod):
        guard let owner = pod.metadata.owner else { continue }
        let namespace = pod.metadata.namespace
        if owner.kind == "Job" { noteJob(owner.name, in: namespace) }
        if !OwnerResolver.builtInKinds.contains(owner.kind) {
          let key = Key(kind: owner.kind, namespace: namespace, name: "")
          customPods[key, default: []].append(pod)
        }
      default: continue
      }
    }
    for (key, pods) in customPods {
      families[key] = OwnerResolver.familyName(of: pods, kind: key.kind)
    }
  }

  private mutating func noteJob(_ name: String, in namespace: String) {
    guard let base = OwnerResolver.scheduleBase(of: name) else { return }
    scheduledJobs[Key(kind: "CronJob", namespace: namespace, name: base), default: []]
      .insert(name)
  }

  /// The name without `-` and 8 or 10 digits: minutes or seconds since 1970 of a scheduled run.
  private static func scheduleBase(of job: String) -> String? {
    guard let dash = job.lastIndex(of: "-"), dash > job.startIndex else { return nil }
    let digits = job[job.index(after: dash)...]
    guard digits.utf8.count == 8 || digits.utf8.count == 10,
      digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 })
    else { return nil }
    return String(job[..<dash])
  }

  /// One name for all pods of a custom owner kind when each has an owner of its own and all share a
  /// stable label; nil when the owners stand for workloads themselves.
  private static func familyName(of pods: [PodObject], kind: String) -> String? {
    let owners = Set(pods.compactMap { $0.metadata.owner?.name })
    let names = Set(pods.map(\.metadata.name))
    guard owners.count > 1, names.count <= owners.count, let first = pods.first else { return nil }
    let shared = pods.dropFirst().reduce(VolatileLabels.stable(first.metadata.labels)) {
      $0.intersection($1.metadata.labels)
    }
    guard !shared.isEmpty else { return nil }
    var prefix = Substring(owners.sorted().first ?? "")
    for owner in owners {
      while !owner.hasPrefix(prefix) { prefix = prefix.dropLast() }
    }
    // Only whole words are common: half of a random suffix may be alike by chance.
    let words = prefix.lastIndex(of: "-").map { prefix[..<$0] } ?? ""
    return words.isEmpty ? kind.lowercased() : String(words)
  }

  /// The owner of a pod; nil for a bare pod, which its labels identify.
  ///
  /// A bare pod without stable labels is a workload of its own, of kind `Pod`.
  package func owner(of pod: PodObject) -> WorkloadReference? {
    let metadata = pod.metadata
    guard let owner = metadata.owner, !pod.isMirror, owner.kind != "Node" else {
      if pod.isMirror || metadata.owner != nil { return staticPod(pod) }
      return VolatileLabels.stable(metadata.labels).isEmpty
        ? WorkloadReference(kind: "Pod", name: metadata.name) : nil
    }
    let namespace = metadata.namespace
    if let known = controllers[
      Key(kind: owner.kind, namespace: namespace, name: owner.name)
    ] {
      let isBetween = ["ReplicaSet", "Job", "ReplicationController"].contains(owner.kind)
      let top = isBetween ? known ?? owner : owner
      return WorkloadReference(kind: top.kind, name: top.name)
    }
    switch owner.kind {
    case "ReplicaSet":
      for (label, kind) in [
        ("pod-template-hash", "Deployment"), ("rollouts-pod-template-hash", "Rollout"),
      ] {
        if let hash = metadata.labels[label], !hash.isEmpty, owner.name.hasSuffix("-" + hash),
          owner.name.utf8.count > hash.utf8.count + 1
        {
          let name = owner.name.dropLast(hash.count + 1)
          return WorkloadReference(kind: kind, name: String(name))
        }
      }
    case "ReplicationController":
      if let name = metadata.labels["deploymentconfig"], !name.isEmpty,
        owner.name.hasPrefix(name + "-")
      {
        return WorkloadReference(kind: "DeploymentConfig", name: name)
      }
    case "Job":
      if let base = OwnerResolver.scheduleBase(of: owner.name) {
        let key = Key(kind: "CronJob", namespace: namespace, name: base)
        if scheduledJobs[key, default: []].count > 1 || controllers[key] != nil {
          return WorkloadReference(kind: "CronJob", name: base)
        }
      }
    default:
      if let name = families[Key(kind: owner.kind, namespace: namespace, name: "")] {
        return WorkloadReference(kind: owner.kind, name: name)
      }
    }
    return WorkloadReference(kind: owner.kind, name: owner.name)
  }

  /// A static pod's component: its name less the node's.
  private func staticPod(_ pod: PodObject) -> WorkloadReference {
    let name = pod.metadata.name
    let node = pod.metadata.owner.flatMap { $0.kind == "Node" ? $0.name : nil } ?? pod.nodeName
    guard !node.isEmpty, name.hasSuffix("-" + node), name.count > node.count + 1 else {
      return WorkloadReference(kind: "StaticPod", name: name)
    }
    return WorkloadReference(kind: "StaticPod", name: String(name.dropLast(node.count + 1)))
  }
}
