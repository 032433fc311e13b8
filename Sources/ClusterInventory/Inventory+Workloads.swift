package import FlowAggregation
import FlowModel

extension Inventory {
  /// Every workload: one per owner in a namespace, one per set of stable labels for bare pods.
  ///
  /// Controllers without pods (scaled to none, between scheduled runs) are in it with the labels of
  /// their template, so that a selector is tested against them too. Sorted by namespace and owner.
  ///
  /// - Parameter window: Pods that were gone before or came after are left out; nil keeps all.
  package func workloads(during window: ClosedRange<Int64>? = nil) -> [Workload] {
    var groups = WorkloadGroups(self)
    forEachObject { identity, states in
      guard identity.kind == "Pod", let last = states.last?.last else { return }
      let absence = firstAbsence(of: identity, after: last)
      guard let life = PodLife(states, absentFrom: absence) else { return }
      if let window,
        !life.existence.overlaps(from: window.lowerBound, to: window.upperBound)
      {
        return
      }
      groups.add(life)
    }
    return groups.workloads()
  }
}

/// Pods grouped by owner while workloads are made.
private struct WorkloadGroups {
  private struct Key: Hashable {
    var namespace: String
    var owner: WorkloadReference?
    /// For bare pods only, which have no owner to tell them apart.
    var labels: Labels?
  }
  private struct Group {
    var labelSets: Set<Labels> = []
    var ports: Set<Workload.NamedPort> = []
    var isHostNetwork = false
    var isExposed = false
  }

  private let cluster: String
  private let owners: OwnerResolver
  private var groups: [Key: Group] = [:]
  private var controllers: [Key: ControllerObject] = [:]
  /// Selectors of Services that lead in from outside, by namespace.
  private var exposing: [String: [Labels]] = [:]

  init(_ inventory: Inventory) {
    cluster = inventory.cluster
    owners = OwnerResolver(inventory)
    var ingresses: Set<EndpointsObject.PodName> = []
    var services: [ServiceObject] = []
    for record in inventory.records {
      switch record.object {
      case .ingress(let ingress):
        let namespace = ingress.metadata.namespace
        for name in ingress.services {
          ingresses.insert(EndpointsObject.PodName(namespace: namespace, name: name))
        }
      case .service(let service): services.append(service)
      case .controller(let controller):
        let owner = WorkloadReference(kind: controller.kind, name: controller.metadata.name)
        controllers[Key(namespace: controller.metadata.namespace, owner: owner)] = controller
      case .pod, .node, .endpoints, .namespace: continue
      }
    }
    for service in services where !service.selector.isEmpty {
      let metadata = service.metadata
      let name = EndpointsObject.PodName(namespace: metadata.namespace, name: metadata.name)
      guard service.isReachableFromOutside || ingresses.contains(name) else { continue }
      exposing[metadata.namespace, default: []].append(service.selector)
    }
  }

  mutating func add(_ life: PodLife) {
    let pod = life.pod
    let namespace = pod.metadata.namespace
    let owner = owners.owner(of: pod)
    let labelSets = Set(life.labelHistory.map { VolatileLabels.stable($0) })
    let newest = VolatileLabels.stable(pod.metadata.labels)
    let key = Key(namespace: namespace, owner: owner, labels: owner == nil ? newest : nil)
    var group = groups[key, default: Group()]
    group.labelSets.formUnion(owner == nil ? [newest] : labelSets)
    for port in pod.ports {
      if !port.name.isEmpty {
        group.ports.insert(
          Workload.NamedPort(name: port.name, transport: port.transport, port: port.port)
        )
      }
      if port.hostPort != 0 { group.isExposed = true }
    }
    if pod.isOnHostNetwork { group.isHostNetwork = true }
    // A Service may select by labels that change per release, so all labels are matched.
    if !group.isExposed {
      group.isExposed = exposing[namespace, default: []].contains { selector in
        life.labelHistory.contains { selector.isSubset(of: $0) }
      }
    }
    groups[key] = group
  }

  func workloads() -> [Workload] {
    var all = groups
    for (key, controller) in controllers where all[key] == nil {
      // What another controller owns shows up there; a template is all that is known of the rest.
      guard controller.metadata.owner == nil, !controller.templateLabels.isEmpty else { continue }
      var group = Group()
      group.labelSets = [VolatileLabels.stable(controller.templateLabels)]
      group.isExposed = exposing[key.namespace, default: []].contains {
        $0.isSubset(of: controller.templateLabels)
      }
      all[key] = group
    }
    return all.map { key, group in
      Workload(
        cluster: cluster,
        namespace: key.namespace,
        owner: key.owner,
        labelSets: group.labelSets.sorted(),
        selectorLabels: controllers[Key(namespace: key.namespace, owner: key.owner)]
          .map { VolatileLabels.stable($0.selector) } ?? [:],
        isHostNetwork: group.isHostNetwork,
        isExposed: group.isExposed,
        namedPorts: group.ports.sorted {
          if $0.name != $1.name { return $0.name < $1.name }
          return $0.transport != $1.transport
            ? $0.transport < $1.transport : $0.port < $1.port
        }
      )
    }
    .sorted(by: WorkloadGroups.precedes)
  }

  private static func precedes(_ left: Workload, _ right: Workload) -> Bool {
    if left.namespace != right.namespace { return left.namespace < right.namespace }
    switch (left.owner, right.owner) {
    case (.some(let one), .some(let two)) where one != two: return one < two
    case (nil, .some): return true
    case (.some, nil): return false
    default: return left.labelSets.lexicographicallyPrecedes(right.labelSets)
    }
  }
}
