import FlowStorage
import AuditPipeline
import FlowAggregation

/// What an ingest did, in a few lines.
struct IngestReport {
  private let result: IngestResult
  private let quiet: Bool

  init(_ result: IngestResult, quiet: Bool) {
    self.result = result
    self.quiet = quiet
  }

  /// Prints it on stderr, refused records always.
  func print() {
    let record = result.record
    let counts = record.counts
    if !quiet {
      switch result.status {
      case .unchanged:
        Terminal.note("\(record.name): already counted, nothing new")
        return
      case .empty:
        Terminal.note("\(record.name): no complete record yet")
        return
      case .new, .grown:
        let more = result.status == .grown ? " more" : ""
        Terminal.note(
          "\(record.name): \(record.format), \(counts.records.grouped)\(more) records: "
            + "\(counts.used.grouped) used as evidence, "
            + "\(counts.discarded.values.reduce(0, +).grouped) discarded, "
            + "\(counts.rejectedCount.grouped) refused; \(result.edges.grouped) edge-hours"
        )
      }
      let reasons = counts.discarded.sorted {
        $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key
      }
      if !reasons.isEmpty {
        let list = reasons.map { "\($0.key.rawValue) \($0.value.grouped)" }
        Terminal.note("  discarded: " + list.joined(separator: ", "))
      }
      if counts.lostEvents > 0 {
        Terminal.note(
          "  the log says that \(counts.lostEvents.grouped) events were lost: coverage is incomplete"
        )
      }
      if result.tornBytes > 0 {
        Terminal.note(
          "  \(result.tornBytes.grouped) bytes after the last line feed wait for the rest of their line"
        )
      }
      for note in counts.notes.sorted() { Terminal.note("  note: \(note)") }
    }
    for rejection in counts.rejections.prefix(quiet ? 0 : 5) {
      Terminal.note("  refused \(record.name):\(rejection.line): \(rejection.problem)")
    }
    if !quiet, counts.rejectedCount > 5 {
      Terminal.note("  ... and \((counts.rejectedCount - 5).grouped) more (flowlearn db info)")
    }
  }
}
