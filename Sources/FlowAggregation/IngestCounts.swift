/// Why a well-formed record is not evidence.
package enum DiscardReason: String, Sendable, CaseIterable, Comparable {
  /// Agent events, node status, debug events and the like.
  case notAFlow = "not-a-flow"
  /// A reply of a connection.
  case reply
  /// No reply mark where the format needs one.
  case unknownDirection = "unknown-direction"
  /// Socket-level events and translations.
  case translation
  /// A verdict that says nothing (errors, traced, unknown, book-keeping).
  case noVerdict = "no-verdict"
  /// Observation points before policy or after encapsulation (FROM_*, TO_OVERLAY, TO_CRYPTO).
  case observationPoint = "observation-point"
  /// No ports: no transport header, fragments.
  case noPorts = "no-ports"
  /// ICMP, IGMP, VRRP and other protocols without ports.
  case otherProtocol = "other-protocol"
  /// Multicast, broadcast, link-local, loopback, DHCP, mDNS.
  case localOrMulticast = "local-or-multicast"
  /// Dropped for a reason that is not policy.
  case nonPolicyDrop = "non-policy-drop"
  /// A drop or trace in the middle of a connection.
  case midConnection = "mid-connection"
  /// ICMP errors about another connection.
  case related
  /// Both ends are the same pod, or a pod's own Service.
  case selfTraffic = "self-traffic"
  /// A Service address whose backend record follows.
  case preTranslation = "pre-translation"
  /// Health checks of the network plugin.
  case healthCheck = "health-check"
  /// Neither end is a pod.
  case noPod = "no-pod"
  /// An end that the log does not describe.
  case unknownEndpoint = "unknown-endpoint"
  /// An address that more than one workload may have held then.
  case ambiguousAddress = "ambiguous-address"
  /// The same record again (same identifier).
  case duplicate
  /// One record for many flows, of which only the first is described.
  case aggregated
  /// Interface, reporter or path that repeats what another record says.
  case duplicateView = "duplicate-view"
  /// Coverage markers: no data, skipped data, lost events.
  case coverageMarker = "coverage-marker"
  /// Lines of the same file that are not flow lines of this format.
  case unrelatedLine = "unrelated-line"
  /// Packet lines whose prefix the user did not name.
  case unknownPrefix = "unknown-prefix"
  /// Staged or pending information that is not an enforced verdict.
  case staged
  /// A denied packet that was the reply of a connection whose state was lost.
  case replyDenied = "reply-denied"
  /// A denial while policy was being set up: the same pair was accepted later.
  case supersededDenial = "superseded-denial"
  /// Which side opened the connection cannot be told.
  case undecidedDirection = "undecided-direction"

  /// By raw value.
  package static func < (left: DiscardReason, right: DiscardReason) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// A record that could not be read.
package struct Rejection: Hashable, Sendable, Comparable {
  /// The line of the record's first byte in its file, from 1.
  package var line: Int
  /// What was wrong, in a few words without values of the record.
  package var problem: String

  /// Makes a rejection.
  package init(line: Int, problem: String) {
    self.line = line
    self.problem = problem
  }

  /// By line.
  package static func < (left: Rejection, right: Rejection) -> Bool {
    left.line != right.line ? left.line < right.line : left.problem < right.problem
  }
}

/// How much of a log was seen in one UTC hour, used or not.
package struct CaptureHour: Hashable, Sendable {
  /// Records with a time in that hour.
  package var records: Int64
  /// Events that the log itself says were lost.
  package var lost: Int64

  /// Makes a count.
  package init(records: Int64 = 0, lost: Int64 = 0) {
    self.records = records
    self.lost = lost
  }
}

/// What became of the records of an input.
package struct IngestCounts: Hashable, Sendable {
  /// How many rejections are kept with their line.
  package static let keptRejections = 20

  /// Lines read, empty ones included.
  package var lines: Int = 0
  /// Records used as evidence.
  package var used: Int = 0
  /// Records that are not evidence, by reason.
  package var discarded: [DiscardReason: Int] = [:]
  /// Records that could not be read.
  package var rejectedCount: Int = 0
  /// The first rejections by line.
  package var rejections: [Rejection] = []
  /// Events the log says were lost.
  package var lostEvents: Int64 = 0
  /// Capture by UTC hour (hours since 1970).
  package var capture: [Int64: CaptureHour] = [:]
  /// Remarks for the user, each once, such as a field mask that hides labels.
  package var notes: Set<String> = []

  /// Makes empty counts.
  package init() {}

  /// All records seen: used, discarded and rejected.
  package var records: Int { used + discarded.values.reduce(0, +) + rejectedCount }

  /// Keeps a rejection, in its place, if it is among the first by line.
  mutating func keep(_ rejection: Rejection) {
    let isFull = rejections.count >= IngestCounts.keptRejections
    if isFull, let last = rejections.last, last.line <= rejection.line { return }
    let place = rejections.lastIndex { $0.line <= rejection.line }.map { $0 + 1 } ?? 0
    rejections.insert(rejection, at: place)
    if isFull { rejections.removeLast() }
  }

  /// Adds the counts of a later part of the input, whose line 1 is `lineOffset` + 1 here.
  package mutating func merge(_ other: IngestCounts, lineOffset: Int) {
    lines += other.lines
    used += other.used
    discarded.merge(other.discarded, uniquingKeysWith: +)
    rejectedCount += other.rejectedCount
    rejections += other.rejections.map {
      Rejection(line: $0.line + lineOffset, problem: $0.problem)
    }
    rejections.sort()
    if rejections.count > IngestCounts.keptRejections {
      rejections.removeLast(rejections.count - IngestCounts.keptRejections)
    }
    lostEvents.addSaturated(other.lostEvents)
    capture.merge(other.capture) {
      CaptureHour(
        records: $0.records.addingSaturated($1.records),
        lost: $0.lost.addingSaturated($1.lost)
      )
    }
    notes.formUnion(other.notes)
  }
}

extension Int64 {
  /// The sum, or the nearest number there is: counts in a log may be any.
  package func addingSaturated(_ other: Int64) -> Int64 {
    let (sum, overflows) = addingReportingOverflow(other)
    return overflows ? (other > 0 ? .max : .min) : sum
  }

  /// Adds a number, or stops at the last there is.
  package mutating func addSaturated(_ other: Int64) { self = addingSaturated(other) }
}
