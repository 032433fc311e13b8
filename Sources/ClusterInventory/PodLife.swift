import FlowModel

/// When one pod existed, and when it held which address.
///
/// Source: "Time validity" in the inventory document. Times are microseconds UTC.
struct PodLife: Sendable {
  /// One address held by a pod.
  struct Holding: Sendable {
    var address: IPAddress
    /// From `startTime` on it may hold the address.
    var from: Int64
    /// From the first container's start on it surely did.
    var begun: Int64
    /// Up to here it surely did; past it only because no later snapshot says otherwise.
    var assumedFrom: Int64
    /// The end, `Int64.max` when none is known.
    var to: Int64
  }

  /// The newest state.
  let pod: PodObject
  /// All states' labels, oldest first, neighbours distinct.
  let labelHistory: [Labels]
  /// From creation to deletion, or to the first snapshot without it.
  let existence: TimeSpan
  /// Whether it ran, undeleted, when last seen.
  let isLive: Bool
  /// Whether its end is open only because no later snapshot was taken.
  let isOpenEnded: Bool
  /// What it held, hull over addresses, nil when that is not known at all.
  let activity: TimeSpan?
  /// Its addresses with their times; empty intervals are left out.
  let holdings: [Holding]
  /// All addresses it ever showed, also those without a known time.
  let everHeld: [IPAddress]

  /// Works out the life of a pod from its states, oldest first; nil when there are none.
  init?(_ states: ArraySlice<InventoryRecord>, absentFrom absence: Int64?) {
    let pods: [(pod: PodObject, first: Int64, last: Int64)] = states.compactMap {
      guard case .pod(let pod) = $0.object else { return nil }
      return (pod, $0.first, $0.last)
    }
    guard let oldest = pods.first, let newest = pods.last else { return nil }
    pod = newest.pod
    var labels: [Labels] = []
    for state in pods where labels.last != state.pod.metadata.labels {
      labels.append(state.pod.metadata.labels)
    }
    labelHistory = labels

    let created = newest.pod.metadata.created
    let start = pods.compactMap(\.pod.start).last ?? created ?? oldest.first
    let begun = max(start, pods.compactMap(\.pod.firstContainerStart).min() ?? start)
    let gone = newest.pod.deletion.map { min($0, absence ?? .max) } ?? absence
    existence = TimeSpan(from: min(created ?? start, start), to: gone ?? .max)

    let sure: Int64
    let end: Int64
    if newest.pod.phase.isFinished {
      // Kubernetes writes whole seconds, so a container that ended at :10 may have run until :11.
      // Without any end the pod counts as over since it was last seen running.
      end =
        newest.pod.lastContainerEnd.map { $0 + Timestamps.second }
        ?? pods.last { !$0.pod.phase.isFinished }?.last ?? start
      sure = end
    } else if newest.pod.deletion != nil {
      end = gone ?? newest.last
      sure = end
    } else if absence != nil {
      end = newest.last
      sure = end
    } else {
      end = .max
      sure = max(newest.last, start)
    }
    isLive = newest.pod.phase == .running && newest.pod.deletion == nil && absence == nil
    isOpenEnded = end == .max

    var ever: [IPAddress] = []
    for state in pods {
      for address in state.pod.addresses where !ever.contains(address) { ever.append(address) }
    }
    everHeld = ever
    var holdings: [Holding] = []
    for address in ever {
      var from = start
      var to = end
      // A pod whose sandbox was made anew has another address under the same uid.
      let holding = pods.indices.filter { pods[$0].pod.addresses.contains(address) }
      guard let firstIndex = holding.first, let lastIndex = holding.last else { continue }
      if pods[..<firstIndex].contains(where: { !$0.pod.addresses.isEmpty }) {
        from = max(from, pods[firstIndex].first)
      }
      if pods[(lastIndex + 1)...].contains(where: { !$0.pod.addresses.isEmpty }) {
        to = min(to, pods[lastIndex].last)
      }
      guard from < to else { continue }
      holdings.append(
        Holding(
          address: address,
          from: from,
          begun: min(max(from, begun), to),
          assumedFrom: min(sure, to),
          to: to
        )
      )
    }
    self.holdings = holdings
    activity = start < end ? TimeSpan(from: start, to: end) : nil
  }
}
