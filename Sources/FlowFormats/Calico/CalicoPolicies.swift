import JSONText

/// What the policy lists of a record come to.
struct CalicoPolicies: Hashable, Sendable {
  /// Whether host endpoint policies on forwarded traffic are all there is.
  var isTransitOnly = false
  /// Whether a rule of an enforced policy denied, rather than the end of a tier.
  var isDeniedByRule = false
  /// Whether staged policies would deny what passed; false also when the log does not say.
  var wouldDeny = false
  /// Whether the record says at all what evaluation with staged policies would give.
  var saysPending = false
}

extension CalicoPolicies {
  /// Reads the lists of a record; nil when it has none.
  init(_ value: JSONValue?) {
    guard let value else { return }
    func hits(_ list: JSONValue?) -> [CalicoPolicyHit] {
      (list?.array ?? []).compactMap { CalicoPolicyHit($0) }
    }
    let all = hits(value.first("all_policies", "allPolicies"))
    let enforcedList = value.first("enforced_policies", "enforcedPolicies", "enforced")
    let pending = hits(value.first("pending_policies", "pendingPolicies", "pending"))
    // The lists of all policies mix staged entries with real ones.
    let enforced = (enforcedList == nil ? all : hits(enforcedList)).filter { $0.kind != .staged }
    let transit = value.first("transit_policies", "transitPolicies")?.array ?? []
    isTransitOnly = !transit.isEmpty && enforced.isEmpty && all.isEmpty
    if let hit = CalicoPolicyHit.decisive(enforced), hit.action == .deny {
      isDeniedByRule = hit.isByRule
    }
    if !pending.isEmpty {
      saysPending = true
      wouldDeny = CalicoPolicyHit.decisive(pending)?.action == .deny
    } else if all.contains(where: { $0.kind == .staged }) {
      saysPending = true
      wouldDeny = CalicoPolicyHit.pendingAction(ofMixed: all) == .deny
    }
  }

  /// All of it in four bits.
  var packed: UInt32 {
    [isTransitOnly, isDeniedByRule, wouldDeny, saysPending].reduce(0) { $0 << 1 | ($1 ? 1 : 0) }
  }

  /// Takes the bits apart.
  init(packed: UInt32) {
    isTransitOnly = packed & 8 != 0
    isDeniedByRule = packed & 4 != 0
    wouldDeny = packed & 2 != 0
    saysPending = packed & 1 != 0
  }
}
