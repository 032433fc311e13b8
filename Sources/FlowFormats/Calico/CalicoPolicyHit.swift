import JSONText

/// One entry of a policy trace: a policy that was evaluated, and what it said.
///
/// Source: the Calico format document, section 1 (trace strings) and sections 3 and 4 (objects).
struct CalicoPolicyHit: Hashable {
  /// What said it.
  enum Kind: UInt8 {
    /// A policy that is in force.
    case policy
    /// A staged policy, which decides nothing yet.
    case staged
    /// The namespace's or service account's profile: no policy selects the pod.
    case profile
    /// The end of a tier: policies selected the pod and no rule matched.
    case endOfTier
  }

  /// Position in the evaluation, from 0.
  var index: Int64
  /// The tier's name; empty for profiles of some dialects.
  var tier: String
  /// What said it.
  var kind: Kind
  /// What it said; `.absent` when that was neither allow, deny nor pass.
  var action: CalicoRecord.Action
  /// The rule's number; -1 for the tier's default, nil when unknown (-2, or four-part strings).
  var ruleIndex: Int64?

  /// Makes a hit.
  init(
    index: Int64,
    tier: String,
    kind: Kind,
    action: CalicoRecord.Action,
    ruleIndex: Int64?
  ) {
    self.index = index
    self.tier = tier
    self.kind = kind
    self.action = action
    self.ruleIndex = ruleIndex
  }

  /// Whether it allows or denies, so that nothing after it is evaluated.
  var isFinal: Bool { action == .allow || action == .deny }

  /// Whether a rule said it, rather than the default of a tier or profile.
  var isByRule: Bool {
    guard kind == .policy || kind == .staged, let ruleIndex else { return false }
    return ruleIndex >= 0
  }
}

// MARK: - Reading

extension CalicoPolicyHit {
  /// Reads `<index>|<tier>|<name>|<action>[|<rule index>]`, nil when it is no such string.
  init?(trace: String) {
    let parts = trace.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 4 || parts.count == 5, let index = Int64(parts[0]) else { return nil }
    let rule = parts.count == 5 ? Int64(parts[4]) : nil
    self.init(
      index: index,
      tier: parts[1],
      kind: CalicoPolicyHit.kind(ofName: parts[2], tier: parts[1]),
      action: CalicoRecord.Action(word: parts[3]),
      ruleIndex: rule.flatMap { $0 >= -1 ? $0 : nil }
    )
  }

  private static func kind(ofName name: String, tier: String) -> Kind {
    if name.hasSuffix("__NO_MATCH__") || name.hasPrefix("eot:") { return .endOfTier }
    if tier == "__PROFILE__" || name.hasPrefix("__PROFILE__.") || name.hasPrefix("pro:") {
      return .profile
    }
    let stagedKinds = ["snp:", "sgnp:", "sknp:"]
    // No Kubernetes name holds a colon, so the mark cannot be part of a policy's own name.
    if stagedKinds.contains(where: name.hasPrefix) || name.contains("staged:") { return .staged }
    return .policy
  }

  /// Reads the object form of Whisker and Goldmane, whose zero values may be left out.
  init?(object value: JSONValue) {
    guard case .object = value else { return nil }
    let action: CalicoRecord.Action
    switch value["action"] {
    case .string(let word)?: action = .init(word: word)
    case let other?: action = .init(number: other.integer ?? 0)
    case nil: action = .absent
    }
    let rule = value.first("rule_index", "ruleIndex")?.integer ?? 0
    self.init(
      index: value.first("policy_index", "policyIndex")?.integer ?? 0,
      tier: value["tier"]?.string ?? "",
      kind: CalicoPolicyHit.kind(ofObject: value),
      action: action,
      ruleIndex: rule >= -1 ? rule : nil
    )
  }

  private static func kind(ofObject value: JSONValue) -> Kind {
    switch value["kind"] {
    case .string("StagedNetworkPolicy")?, .string("StagedGlobalNetworkPolicy")?,
      .string("StagedKubernetesNetworkPolicy")?:
      return .staged
    case .string("Profile")?: return .profile
    case .string("EndOfTier")?: return .endOfTier
    case .string?, nil: return .policy
    case let number?:
      switch number.integer {
      case 3, 4, 5: return .staged
      case 9: return .profile
      case 10: return .endOfTier
      default: return .policy
      }
    }
  }

  /// Reads one entry in whichever form.
  init?(_ value: JSONValue) {
    if let text = value.string { self.init(trace: text) } else { self.init(object: value) }
  }
}

// MARK: - Evaluation

extension CalicoPolicyHit {
  /// The hit that decided: the last one in the order of evaluation that is not a pass.
  ///
  /// Traces are written unsorted.
  static func decisive(_ hits: [CalicoPolicyHit]) -> CalicoPolicyHit? {
    sorted(hits).last(where: \.isFinal)
  }

  /// What a trace of real and staged policies would give with the staged ones in force.
  ///
  /// A staged policy without a matching rule denies only if no later policy of its tier decides.
  static func pendingAction(ofMixed hits: [CalicoPolicyHit]) -> CalicoRecord.Action {
    var defaultDenyTier: String?
    for hit in sorted(hits) {
      if let tier = defaultDenyTier, hit.tier != tier { return .deny }
      guard hit.isFinal else { continue }
      if hit.kind == .staged, hit.action == .deny, hit.ruleIndex == -1 {
        defaultDenyTier = hit.tier
        continue
      }
      return hit.action
    }
    return defaultDenyTier == nil ? .absent : .deny
  }

  private static func sorted(_ hits: [CalicoPolicyHit]) -> [CalicoPolicyHit] {
    // Equal indices keep the order written.
    hits.enumerated().sorted { ($0.element.index, $0.offset) < ($1.element.index, $1.offset) }
      .map(\.element)
  }
}
