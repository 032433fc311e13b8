package import FlowModel

/// How a namespace is audited.
package enum LogOnlyMode: Hashable, Sendable {
  /// Nothing is switched on; flows are learned from what passes.
  case observe
  /// A log-only switch (Cilium audit, Calico staged or Log policy) and the records it made.
  case auditSwitch(name: String, recordsSeen: Int)
}

/// Where the scripts of the next step stand.
package enum ScriptEvidence: Hashable, Sendable {
  /// None were written.
  case notWritten
  /// None can be made, with the reason.
  case impossible(String)
  /// The folder they were written to does not hold them any more, or not as they were written.
  case changed(folder: String)
  /// The proposal has changed since they were written.
  case outdated(folder: String)
  /// They are in the folder and say what the current proposal says.
  case current(folder: String)
  /// They are being written with the step that asks.
  case writtenWithStep
}

/// What the latest proposal was found to do.
package struct ProposalEvidence: Hashable, Sendable {
  /// The week it was made for.
  package var week: Int
  /// Accepted edges replayed.
  package var replayedEdges: Int
  /// Those that the proposal would deny, in words.
  package var deniedEdges: [String]
  /// Those that the dialect cannot allow on this plugin, in words.
  package var unexpressibleEdges: [String]
  /// Grants beyond the evidence without a declared reason, in words.
  package var unexplainedGrants: [String]
  /// The rules that a proposal built without the last 48 hours of the capture does not have.
  package var rulesOfLast48Hours: [String]

  /// Makes evidence.
  package init(
    week: Int,
    replayedEdges: Int,
    deniedEdges: [String] = [],
    unexpressibleEdges: [String] = [],
    unexplainedGrants: [String] = [],
    rulesOfLast48Hours: [String] = []
  ) {
    self.week = week
    self.replayedEdges = replayedEdges
    self.deniedEdges = deniedEdges
    self.unexpressibleEdges = unexpressibleEdges
    self.unexplainedGrants = unexplainedGrants
    self.rulesOfLast48Hours = rulesOfLast48Hours
  }
}

/// What a person still has to decide for a namespace, each in words.
package struct DecisionSummary: Hashable, Sendable {
  /// Would-deny edges.
  package var wouldDeny: [String]
  /// Edges left out by an excluding mark.
  package var excluded: [String]
  /// Peers that need a decision: nodes, API server, world, unresolved.
  package var peers: [String]
  /// Denials since the watch began.
  package var denials: [String]
  /// Live policies that are not flowlearn's (Cilium, before audit mode goes off).
  package var livePolicies: [String]

  /// Makes a summary; without arguments, nothing is open.
  package init(
    wouldDeny: [String] = [],
    excluded: [String] = [],
    peers: [String] = [],
    denials: [String] = [],
    livePolicies: [String] = []
  ) {
    self.wouldDeny = wouldDeny
    self.excluded = excluded
    self.peers = peers
    self.denials = denials
    self.livePolicies = livePolicies
  }
}

/// Everything that the gates of one namespace look at besides the stages.
package struct GateEvidence: Hashable, Sendable {
  /// Whether the log-only way for the plugin was written out.
  package var logOnlyFilesWritten: Bool
  /// The hours of the log source.
  package var capture: CaptureLog
  /// The hours of those logs that show policy drops for the plugin; see ``RolloutPlugin/watchLogs``.
  package var watchCapture: CaptureLog
  /// How the namespace is audited; nil when nobody said.
  package var logOnly: LogOnlyMode?
  /// The estimate of what was not seen.
  package var coverage: Coverage?
  /// The latest proposal; nil when there is none.
  package var proposal: ProposalEvidence?
  /// What is undecided.
  package var decisions: DecisionSummary
  /// Where the files of the next step stand.
  package var scripts: ScriptEvidence
  /// Workloads whose external addresses are still growing, in words.
  package var growingExternalEgress: [String]

  /// Makes evidence; without arguments, of a namespace of which nothing is known.
  package init(
    logOnlyFilesWritten: Bool = false,
    capture: CaptureLog = CaptureLog([]),
    watchCapture: CaptureLog = CaptureLog([]),
    logOnly: LogOnlyMode? = nil,
    coverage: Coverage? = nil,
    proposal: ProposalEvidence? = nil,
    decisions: DecisionSummary = DecisionSummary(),
    scripts: ScriptEvidence = .notWritten,
    growingExternalEgress: [String] = []
  ) {
    self.logOnlyFilesWritten = logOnlyFilesWritten
    self.capture = capture
    self.watchCapture = watchCapture
    self.logOnly = logOnly
    self.coverage = coverage
    self.proposal = proposal
    self.decisions = decisions
    self.scripts = scripts
    self.growingExternalEgress = growingExternalEgress
  }
}

extension RolloutPlugin {
  /// The logs that show what policy dropped under this plugin, sorted.
  package var watchLogs: [LogKind] {
    switch self {
    case .cilium: [.hubble]
    case .calico: [.calico]
    case .aws: [.awsPolicyAgent]
    case .gke: [.gkePolicy, .hubble]
    case .other: LogKind.allCases.filter(\.showsPolicyDrops).sorted()
    }
  }
}
