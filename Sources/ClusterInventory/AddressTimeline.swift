import FlowModel

/// Who held each address when: disjoint intervals per address, found by binary search.
struct AddressTimeline: Sendable {
  /// A pod's claim to an address, before claims are weighed against each other.
  struct Claim {
    var holding: PodLife.Holding
    var isLive: Bool
    var endpoint: Int32
    var ports: Int32
  }

  /// One holder, or several that cannot be told apart.
  struct Segment: Hashable, Sendable {
    var span: TimeSpan
    /// Index of the endpoint, ``AddressTimeline/ambiguous`` when there are several.
    var endpoint: Int32
    /// Index of the ports it serves.
    var ports: Int32
  }

  /// What a record's interval meets.
  enum Holder: Equatable {
    /// One endpoint, for the whole record.
    case endpoint(Int32)
    /// Different endpoints.
    case ambiguous
    /// Nobody, or somebody for a part of it only.
    case nobody
  }

  static let ambiguous: Int32 = -1
  /// How far a record may reach over an interval: flow logs cut time into minutes.
  static let slack: Int64 = 60 * Timestamps.second

  private var ranges: [IPAddress: Range<Int32>] = [:]
  private var segments: [Segment] = []
  /// Addresses that different endpoints claim at the same time with equal right.
  private(set) var ambiguousAddresses: [IPAddress] = []
  /// Addresses that more than one endpoint held, one after the other or at once.
  private(set) var reusedAddresses = 0

  init() {}

  /// Weighs all claims.
  init(_ claims: [IPAddress: [Claim]]) {
    for (address, claims) in claims.sorted(by: { $0.key < $1.key }) {
      let start = Int32(segments.count)
      let weighed = AddressTimeline.weigh(claims)
      segments += weighed
      ranges[address] = start..<Int32(segments.count)
      if weighed.contains(where: { $0.endpoint == AddressTimeline.ambiguous }) {
        ambiguousAddresses.append(address)
      }
      if Set(claims.map(\.endpoint)).count > 1 { reusedAddresses += 1 }
    }
  }

  /// Whether the address was ever a pod's, at any time.
  func knows(_ address: IPAddress) -> Bool { ranges[address] != nil }

  /// Every address that was ever a pod's, sorted.
  var addresses: [IPAddress] { ranges.keys.sorted() }

  // MARK: Weighing

  /// How much a claim is worth at a time; higher wins, equal ones of two endpoints are ambiguous.
  private static func weight(_ claim: Claim, at time: Int64) -> Int {
    let holding = claim.holding
    // Accepted by the kubelet, but no container ran yet: often it waits for an address or a volume.
    if time < holding.begun || time >= holding.assumedFrom { return 1 }
    return claim.isLive ? 3 : 2
  }

  private static func weigh(_ claims: [Claim]) -> [Segment] {
    if claims.count == 1, let claim = claims.first {
      let span = TimeSpan(from: claim.holding.from, to: claim.holding.to)
      return [Segment(span: span, endpoint: claim.endpoint, ports: claim.ports)]
    }
    let claims = cutAssumed(claims).sorted {
      $0.holding.from != $1.holding.from
        ? $0.holding.from < $1.holding.from : $0.endpoint < $1.endpoint
    }
    var bounds: Set<Int64> = []
    for claim in claims {
      let holding = claim.holding
      bounds.formUnion([holding.from, holding.begun, holding.assumedFrom, holding.to])
    }
    let times = bounds.sorted()
    var result: [Segment] = []
    var active: [Claim] = []
    var next = 0
    for (index, time) in times.enumerated().dropLast() {
      active.removeAll { $0.holding.to <= time }
      while next < claims.count, claims[next].holding.from <= time {
        if claims[next].holding.to > time { active.append(claims[next]) }
        next += 1
      }
      guard let best = active.map({ weight($0, at: time) }).max() else { continue }
      let winners = active.filter { weight($0, at: time) == best }
      guard let winner = winners.first else { continue }
      let isOne = winners.allSatisfy { $0.endpoint == winner.endpoint }
      let segment = Segment(
        span: TimeSpan(from: time, to: times[index + 1]),
        endpoint: isOne ? winner.endpoint : ambiguous,
        ports: isOne ? winner.ports : -1
      )
      if let last = result.last, last.span.to == time, last.endpoint == segment.endpoint,
        last.ports == segment.ports
      {
        result[result.count - 1].span.to = segment.span.to
      } else {
        result.append(segment)
      }
    }
    return result
  }

  /// An end that is only assumed comes at the latest when another pod starts on the address.
  private static func cutAssumed(_ claims: [Claim]) -> [Claim] {
    let starts = claims.map(\.holding.from).sorted()
    return claims.map { claim in
      let assumed = claim.holding.assumedFrom
      guard assumed < claim.holding.to else { return claim }
      var low = 0
      var high = starts.count
      while low < high {
        let middle = (low + high) / 2
        if starts[middle] <= assumed { low = middle + 1 } else { high = middle }
      }
      var claim = claim
      if low < starts.count { claim.holding.to = min(claim.holding.to, starts[low]) }
      return claim
    }
  }

  // MARK: Looking up

  /// Who held an address during a record.
  ///
  /// The record has to lie inside the holder's time but for ``slack``; a record that touches the
  /// times of two endpoints is ambiguous.
  func holder(of address: IPAddress, from start: Int64, to end: Int64) -> Holder {
    guard let range = ranges[address] else { return .nobody }
    let end = max(start, end)
    let index = firstIndex(in: range, endingAfter: start)
    guard index < range.upperBound, segments[Int(index)].span.from <= end else {
      return nearest(in: range, at: index, from: start, to: end)
    }
    let slack = AddressTimeline.slack
    let endpoint = segments[Int(index)].endpoint
    var isInside = segments[Int(index)].span.widened(by: slack).from <= start
    var current = index
    while current < range.upperBound, segments[Int(current)].span.from <= end {
      let segment = segments[Int(current)]
      if segment.endpoint == AddressTimeline.ambiguous || segment.endpoint != endpoint {
        return .ambiguous
      }
      if current > index {
        let widened = segments[Int(current - 1)].span.widened(by: 2 * slack)
        if widened.to < segment.span.from { isInside = false }
      }
      current += 1
    }
    if segments[Int(current - 1)].span.widened(by: slack).to <= end { isInside = false }
    return isInside ? .endpoint(endpoint) : .nobody
  }

  /// The holder just before or after a record that meets no interval.
  private func nearest(in range: Range<Int32>, at index: Int32, from start: Int64, to end: Int64)
    -> Holder
  {
    var found: Int32?
    for candidate in [index - 1, index] where range.contains(candidate) {
      let segment = segments[Int(candidate)]
      let widened = segment.span.widened(by: AddressTimeline.slack)
      guard widened.contains(from: start, to: end) else { continue }
      if segment.endpoint == AddressTimeline.ambiguous
        || found ?? segment.endpoint != segment.endpoint
      {
        return .ambiguous
      }
      found = segment.endpoint
    }
    return found.map { .endpoint($0) } ?? .nobody
  }

  /// The ports served by the holder of an address at a time, nil when nobody is known.
  func ports(of address: IPAddress, at time: Int64) -> Int32? {
    guard let range = ranges[address] else { return nil }
    let slack = AddressTimeline.slack
    let index = firstIndex(in: range, endingAfter: time)
    for candidate in [index, index - 1] where range.contains(candidate) {
      let segment = segments[Int(candidate)]
      if segment.span.widened(by: slack).contains(from: time, to: time), segment.ports >= 0 {
        return segment.ports
      }
    }
    return nil
  }

  private func firstIndex(in range: Range<Int32>, endingAfter time: Int64) -> Int32 {
    var low = range.lowerBound
    var high = range.upperBound
    while low < high {
      let middle = (low + high) / 2
      if segments[Int(middle)].span.to <= time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
