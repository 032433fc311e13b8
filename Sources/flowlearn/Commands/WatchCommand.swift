import ArgumentParser
import AuditPipeline
import FlowAggregation
import FlowModel
import FlowStorage
import Foundation
import PolicyManifests
import PolicyModel
import Rollout

struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Wait for denials in a namespace; exit 1 at the first undecided one.",
    discussion: """
      Looks at the store as 'flowlearn ingest' fills it, until the time is over or a signal comes, and \
      prints the rules that would have to be added. With --once it looks a single time, for use in a \
      pipeline.

      Examples:

        flowlearn watch -n app-prod --once
        flowlearn watch -n app-prod --for 3600
      """
  )

  @OptionGroup var storeOptions: StoreOptions

  @Option(name: .shortAndLong, help: ArgumentHelp("The namespace.", valueName: "name"))
  var namespace: String

  @Flag(help: "Look once and exit.")
  var once = false

  @Option(name: .customLong("for"), help: ArgumentHelp("Seconds to watch.", valueName: "seconds"))
  var duration: Int = 172_800

  @OptionGroup var clock: ClockOptions

  func run() async throws {
    let given = try clock.at.map(TimeText.parse)
    StopSignal.install()
    try await reporting {
      let end = ContinuousClock.now + .seconds(duration)
      let stores = try storeOptions.open()
      var isFirst = true
      while !StopSignal.isRaised {
        let now = given ?? Clock.now
        let context = try await RolloutContext(stores, now: now)
        let rollout = context.state[namespace]
        if isFirst, !context.namespaces.contains(namespace) {
          throw EvidenceError.noFlows(namespace: namespace, known: context.finder.namespaces)
        }
        let assessment = try await context.assessor.assess(namespace, now: now)
        if isFirst, rollout.watchStart == nil {
          Terminal.note(
            "\(namespace) is in \(rollout.stage.rawValue), not watched: "
              + "everything undecided that policy denied or would deny counts"
          )
        }
        isFirst = false
        if try await report(rollout, assessment, context, now: now) { throw ExitCode(1) }
        if once || ContinuousClock.now >= end { break }
        try await Task.sleep(for: .seconds(2))
      }
      Terminal.note("no undecided denial in \(namespace)")
    }
  }

  /// Names what is undecided, and the rules it would need.
  ///
  /// - Returns: Whether there was anything.
  private func report(
    _ rollout: NamespaceRollout,
    _ assessment: NamespaceAssessment,
    _ context: RolloutContext,
    now: Int64
  ) async throws -> Bool {
    let rows = assessment.review.enumerated().filter { _, row in
      rollout.watchStart != nil
        ? row.isOpenDenial
        : row.decision == nil && (row.evidence == .denied || row.evidence == .wouldDeny)
    }
    guard !rows.isEmpty else { return false }
    for (index, row) in rows {
      Terminal.print(
        Terminal.escaped(
          "denied: \(row.text), \(Int(clamping: row.records).counted("record")), last seen "
            + "\(Timestamps.text(row.lastMicroseconds)): \(row.why)"
        )
      )
      if row.decision == nil {
        Terminal.print(
          Terminal.escaped(
            "  decide: flowlearn review accept|reject -n \(namespace) \(index + 1) --reason TEXT"
          )
        )
      }
    }
    let needed = try await context.assessor.rulesNeeded(
      for: rows.map(\.element),
      in: assessment,
      now: now
    )
    if needed.policies.isEmpty {
      Terminal.print(
        "The latest proposal allows it already: flowlearn rollout write -n \(namespace), apply.sh."
      )
    } else {
      Terminal.print("To allow it, these rules would have to be added:")
      Terminal.write(try ManifestWriter.yaml(needed))
    }
    return true
  }
}

/// What an ingest found out about namespaces that are being watched.
enum WatchNotes {
  /// Says on stderr which watched namespaces have undecided denials.
  static func print(_ stores: Stores) async throws {
    let ledger = RolloutLedger(store: stores.audit)
    let watched = try await ledger.state().managed.filter { $0.stage == .watch }
    guard !watched.isEmpty else { return }
    // A capture of the past, or of a cluster whose clock is ahead, is looked at to its end.
    let newest = try await stores.flows.namespaces().map(\.last).max() ?? 0
    let now = max(Clock.now, newest)
    let context = try await RolloutContext(stores, now: now)
    for rollout in watched {
      let denials = try await context.assessor.assess(rollout.namespace, now: now)
        .gate.decisions.denials
      guard let first = denials.first else { continue }
      let more = denials.count > 1 ? " and \(denials.count - 1) more" : ""
      Terminal.note(
        "DENIED in \(rollout.namespace): \(first)\(more) "
          + "(flowlearn watch -n \(rollout.namespace) --once)"
      )
    }
  }
}
