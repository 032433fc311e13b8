import AuditPipeline
import FlowAggregation
import FlowStorage

/// What an ingest did, in a few lines on stderr.
struct IngestReport {
  private let result: IngestResult
  private let path: String
  private let duration: Duration
  private let isVerbose: Bool

  /// Makes a report.
  ///
  /// - Parameters:
  ///   - path: The input as it was named this time; the ledger may know its content by another name.
  ///   - duration: How long reading took.
  ///   - isVerbose: Whether to explain the reasons and to name every refused record that is kept.
  init(_ result: IngestResult, path: String, duration: Duration, isVerbose: Bool) {
    self.result = result
    self.path = path == "-" ? "standard input" : path
    self.duration = duration
    self.isVerbose = isVerbose
  }

  /// Prints it.
  ///
  /// - Parameter told: The notes that were printed before: of a thousand files each says the same. Takes the new ones.
  func print(without told: inout Set<String>) {
    let record = result.record
    switch result.status {
    case .unchanged:
      let other = record.name == path || record.name == "-" ? "" : " as \(record.name)"
      Terminal.note("\(path): already counted\(other), nothing new")
      if record.counts.used == 0 {
        Terminal.note(
          "  none of it is evidence\(result.needsInventory ? IngestReport.moreInventory : "")"
        )
      }
      printTorn()
    case .empty:
      Terminal.note("\(path): no complete record yet")
      printTorn()
    case .new, .grown: printCounts(record, without: &told)
    }
  }

  private static let moreInventory =
    ": the inventory knows none of its pods; add a snapshot of that time, then ingest it again"

  private func printCounts(_ record: IngestRecord, without told: inout Set<String>) {
    let counts = record.counts
    let noun = result.status == .grown ? "more record" : "record"
    Terminal.note(
      "\(path): \(record.format), \(counts.records.counted(noun)): "
        + "\(counts.used.grouped) used as evidence, "
        + "\(counts.discarded.values.reduce(0, +).grouped) discarded, "
        + "\(counts.rejectedCount.grouped) refused; \(result.edges.counted("edge-hour"))"
    )
    let reasons = DiscardCounts(counts.discarded).sorted
    if isVerbose {
      for (reason, count) in reasons {
        Terminal.note("  discarded \(count.grouped) as \(reason.rawValue): \(reason.explanation)")
      }
    } else if !reasons.isEmpty {
      let list = reasons.map { "\($0.0.rawValue) \($0.1.grouped)" }
      Terminal.note("  discarded: " + list.joined(separator: ", "))
    }
    if counts.lostEvents > 0 {
      Terminal.note(
        "  the log says that it lost \(counts.lostEvents.counted("event")): coverage is incomplete"
      )
    }
    printTorn()
    for note in counts.notes.sorted() where told.insert(note).inserted {
      Terminal.note("  note: \(note)")
    }
    let shown = counts.rejections.prefix(isVerbose ? Int.max : 5)
    for rejection in shown {
      Terminal.note("  refused \(path):\(rejection.line): \(rejection.problem)")
    }
    if counts.rejectedCount > shown.count {
      let more = counts.rejections.count > shown.count ? "; db info or -v names them" : ""
      Terminal.note("  ... and \((counts.rejectedCount - shown.count).grouped) more\(more)")
    }
    if isVerbose {
      Terminal.note(
        "  \(record.identity.consumedBytes.grouped) bytes of log read in \(duration.text)"
      )
    }
  }

  private func printTorn() {
    guard result.tornBytes > 0 else { return }
    Terminal.note(
      "  the last line is not complete (\(result.tornBytes.counted("byte"))): "
        + "it is read when the file has grown"
    )
  }
}

/// Discarded records by reason, the most frequent first.
struct DiscardCounts {
  /// Reason and number.
  let sorted: [(DiscardReason, Int)]

  init(_ counts: [DiscardReason: Int]) {
    sorted = counts.sorted {
      $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key
    }.map { ($0.key, $0.value) }
  }
}

extension Duration {
  /// In seconds with a tenth: `1.3 s`.
  fileprivate var text: String {
    let tenths = components.seconds * 10 + components.attoseconds / 100_000_000_000_000_000
    return "\(tenths / 10).\(tenths % 10) s"
  }
}
