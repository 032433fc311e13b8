import ArgumentParser
import AuditPipeline
import FlowAggregation
import FlowModel
import Foundation
import Rollout

struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Wait for denials in a namespace; exit 1 at the first undecided one.",
    discussion: """
      Looks at the store as 'flowlearn ingest' fills it, until the time is over or a signal comes. With \
      --once it looks a single time, for use in a pipeline.

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
      while !StopSignal.isRaised {
        let now = given ?? Clock.now
        let context = try await RolloutContext(stores, now: now)
        let rollout = context.state[namespace]
        let assessment = try await context.assessor.assess(namespace, now: now)
        let since = rollout.watchStart ?? 0
        let denials = assessment.open.filter {
          ($0.evidence == .denied || $0.evidence == .wouldDeny)
            && $0.tally.lastMicroseconds >= since
        }
        guard denials.isEmpty else {
          for denial in denials { report(denial) }
          throw ExitCode(1)
        }
        if once || ContinuousClock.now >= end { break }
        try await Task.sleep(for: .seconds(2))
      }
      Terminal.note("no undecided denial in \(namespace)")
    }
  }

  /// Names the denial and the rule it would need.
  private func report(_ denial: ObservedConnection) {
    let key = denial.key
    Terminal.print(
      Terminal.escaped(
        "denied: \(ConnectionText.text(key)), last seen "
          + Timestamps.text(denial.tally.lastMicroseconds)
      )
    )
    Terminal.print(
      Terminal.escaped(
        "  it needs: egress of \(key.source) to \(key.destination) \(key.transport)/\(key.port), "
          + "and ingress there"
      )
    )
    Terminal.print(
      Terminal.escaped("  accept it: flowlearn review accept -n \(namespace) ID --reason TEXT")
    )
  }
}
