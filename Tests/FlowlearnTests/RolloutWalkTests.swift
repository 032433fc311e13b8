import Foundation
import TestSupport
import Testing

/// Five namespaces through the whole plan with the built program, on simulated time.
@Suite("The whole plan on the command line")
struct RolloutWalkTests {
  private static let namespaces: [(name: String, criticality: String)] = [
    ("auth", "high"), ("batch", "low"), ("lab", "low"), ("pay", "critical"), ("shop", "medium"),
  ]

  /// A walk through the plan, with everything that was said on the way.
  private struct Walk {
    let scratch: Scratch
    var said = ""

    init() throws {
      scratch = try Scratch()
      var log = HubbleLog()
      // 2026-11-09T00:00:00Z
      let begin = 1_794_182_400
      for hour in 0..<17 * 24 {
        let date = Date(timeIntervalSince1970: TimeInterval(begin + hour * 3600))
        let time = date.ISO8601Format()
        // The source is captured every hour; a namespace may be quiet.
        log.add("batch/web", "batch/api", at: time)
        guard hour % 12 == 0 else { continue }
        for (name, _) in RolloutWalkTests.namespaces where name != "batch" {
          log.add("\(name)/web", "\(name)/api", at: time)
        }
      }
      try write(log, "flows.jsonl")
    }

    func write(_ log: HubbleLog, _ name: String) throws {
      try log.text.write(
        to: scratch.url.appendingPathComponent(name),
        atomically: true,
        encoding: .utf8
      )
    }

    /// Runs a command; what it prints goes on record.
    @discardableResult
    mutating func run(_ command: String, status: Int32 = 0) throws -> Outcome {
      let outcome = try Program.shell("flowlearn \(command)", in: scratch.url)
      said += "$ flowlearn \(command)\n\(outcome.output)\(outcome.errors)"
      if outcome.status != 0 { said += "[exit \(outcome.status)]\n" }
      #expect(outcome.status == status, "\(command): \(outcome.output)\(outcome.errors)")
      return outcome
    }

    @discardableResult
    mutating func advance(_ name: String, _ time: String, _ more: String = "", status: Int32 = 0)
      throws -> Outcome
    {
      try run("rollout advance -n \(name) --at \(time)\(more)", status: status)
    }

    /// The stages of all namespaces, from `rollout status -o json`.
    func stages(_ time: String) throws -> String {
      let outcome = try Program.shell(
        "flowlearn rollout status -o json --at \(time)",
        in: scratch.url
      )
      let text = outcome.output.split(separator: "\n").compactMap { line -> String? in
        let parts = line.split(separator: "\"")
        guard parts.count == 5, ["namespace", "stage"].contains(parts[1]) else { return nil }
        return String(parts[3])
      }
      return stride(from: 0, to: text.count - 1, by: 2).map { "\(text[$0])=\(text[$0 + 1])" }
        .joined(separator: " ")
    }

    func files(_ folder: String) throws -> [String] {
      try FileManager.default.contentsOfDirectory(
        atPath: scratch.url.appendingPathComponent(folder).path
      ).sorted()
    }

    func text(_ file: String) throws -> String {
      try String(contentsOf: scratch.url.appendingPathComponent(file), encoding: .utf8)
    }
  }

  private static let watchFiles = [
    "README.md", "apply.sh", "default-deny.yaml", "rollback.sh", "rules.yaml",
    "temporary-allow-all.yaml", "verify.sh",
  ]

  @Test("A denial in a watch, a rollback, a forced gate, and the cluster-wide step last")
  func wholePlan() throws {
    var walk = try Walk()
    try walk.run("ingest -q flows.jsonl")
    let begin = "2026-11-09T00:00:00Z"
    for (name, criticality) in RolloutWalkTests.namespaces {
      try walk.run("rollout start -n \(name) --cni cilium --at \(begin)")
      try walk.run("rollout set -n \(name) --criticality \(criticality) --at \(begin)")
    }
    #expect(try walk.files("rollout/pay/log-only") == ["README.md"])
    try walk.run("rollout plan --at \(begin)")
    try walk.run("rollout status --at 2026-11-15T00:00:00Z")
    try walk.advance("batch", "2026-11-15T00:00:00Z", status: 1)

    // After seven days all are reviewed; only the least critical may be watched, and alone.
    for (name, _) in RolloutWalkTests.namespaces {
      try walk.advance(name, "2026-11-16T00:00:00Z")
    }
    #expect(
      try walk.stages("2026-11-16T00:00:00Z")
        == "auth=review batch=review lab=review pay=review shop=review"
    )
    try walk.advance("lab", "2026-11-16T00:30:00Z", status: 1)
    try walk.run("rollout status -n batch --at 2026-11-16T00:40:00Z")
    try walk.run("rollout write -n batch --at 2026-11-16T00:50:00Z")
    try walk.advance("batch", "2026-11-16T01:00:00Z")
    #expect(try walk.files("rollout/batch/watch") == RolloutWalkTests.watchFiles)
    #expect(try !walk.text("rollout/batch/watch/rules.yaml").contains("5432"))
    try walk.advance("lab", "2026-11-17T00:00:00Z", status: 1)

    try denial(&walk)
    try second(&walk)
    try others(&walk)
    try end(&walk)
    try expectGolden(walk.said, "rollout-walk.txt")
  }

  /// What was allowed for a week is denied, and something new: the watch says so, and it goes back.
  private func denial(_ walk: inout Walk) throws {
    var log = HubbleLog()
    log.add("batch/web", "batch/api", at: "2026-11-17T01:10:00Z", isDenied: true)
    log.add("batch/web", "batch/db", port: 5432, at: "2026-11-17T01:20:00Z", isDenied: true)
    try walk.write(log, "denied.jsonl")
    let ingest = try Program.shell("flowlearn ingest denied.jsonl", in: walk.scratch.url)
    #expect(ingest.errors.contains("DENIED in batch: batch/web -> batch/api TCP/8080 and 1 more"))
    let watch = try walk.run("watch -n batch --once --at 2026-11-17T02:00:00Z", status: 1)
    #expect(watch.output.contains("port: 5432"))
    try walk.run("rollout status --at 2026-11-17T02:00:00Z")
    let refused = try walk.advance("batch", "2026-11-18T01:00:00Z", status: 1)
    #expect(refused.output.contains("-- denials: 2 undecided denials"))
    try walk.run(
      "rollout rollback -n batch --at 2026-11-18T02:00:00Z --reason 'the report was denied'"
    )
    #expect(
      try walk.stages("2026-11-18T02:00:00Z")
        == "auth=review batch=audit lab=review pay=review shop=review"
    )
    // The others wait for the one that goes before them.
    try walk.advance("lab", "2026-11-18T02:30:00Z", status: 1)
    try walk.run("rollout plan --at 2026-11-18T03:00:00Z")
  }

  /// Numbering and evidence were kept; what was accepted is a rule now.
  private func second(_ walk: inout Walk) throws {
    try walk.run("review -n batch --at 2026-11-18T03:00:00Z")
    let id = try #require(
      walk.said.split(separator: "\n").last { $0.contains("batch/db") }?
        .split(separator: " ").first
    )
    try walk.run("review accept -n batch \(id) --at 2026-11-18T03:10:00Z --reason 'the report'")
    try walk.advance("batch", "2026-11-18T03:20:00Z")
    let early = try walk.advance("batch", "2026-11-18T03:30:00Z", status: 1)
    #expect(early.output.contains("the last 48 h add"))
    try walk.advance("batch", "2026-11-19T04:00:00Z")
    #expect(try walk.text("rollout/batch/watch/rules.yaml").contains("port: 5432"))
    try walk.advance("batch", "2026-11-21T04:00:00Z")
    #expect(
      try walk.stages("2026-11-21T04:00:00Z")
        == "auth=review batch=enforced lab=review pay=review shop=review"
    )
  }

  private func others(_ walk: inout Walk) throws {
    try walk.advance("lab", "2026-11-21T04:10:00Z")
    try walk.advance("shop", "2026-11-21T16:00:00Z", status: 1)
    try walk.advance("shop", "2026-11-21T16:10:00Z", " --force --reason 'audit deadline'")
    try walk.advance("auth", "2026-11-22T16:10:00Z")
    try walk.advance("lab", "2026-11-23T04:10:00Z")
    try walk.advance("shop", "2026-11-23T16:10:00Z")
    try walk.advance("pay", "2026-11-23T16:20:00Z")
    #expect(try walk.files("rollout/pay/watch") == RolloutWalkTests.watchFiles)
    try walk.advance("auth", "2026-11-24T16:10:00Z")
    #expect(
      try walk.stages("2026-11-24T17:00:00Z")
        == "auth=enforced batch=enforced lab=enforced pay=watch shop=enforced"
    )
  }

  private func end(_ walk: inout Walk) throws {
    let apply = "rollout cluster-wide --cni cilium --at"
    try walk.run("\(apply) 2026-11-24T17:00:00Z", status: 1)
    try walk.run("rollout plan --at 2026-11-24T17:00:00Z")
    try walk.advance("pay", "2026-11-25T16:20:00Z")
    try walk.run("\(apply) 2026-11-25T17:00:00Z")
    #expect(
      try walk.files("rollout/cluster-wide/apply") == [
        "README.md", "apply.sh", "deny-metadata.yaml", "rollback.sh", "verify.sh",
      ]
    )
    // A clock that runs backwards is not believed.
    try walk.run("rollout hold -n pay --at 2026-11-20T00:00:00Z --reason test", status: 1)
    try walk.run("rollout status --at 2026-11-25T18:00:00Z")
    try walk.run("rollout plan --at 2026-11-25T18:00:00Z")
    try walk.run("rollout history")
    try walk.run("rollout show -n batch")
  }
}
