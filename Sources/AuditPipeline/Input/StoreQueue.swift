import FlowAggregation
import FlowModel
import FlowStorage

/// Inputs that were read, put together while others are being stored.
///
/// One adds them in their order, and one takes what there is.
actor StoreQueue {
  /// What is to be done for an input.
  enum Step<New: Sendable>: Sendable {
    /// To store its evidence.
    case new(New)
    /// Nothing but to look at its ledger row again.
    case done(IngestResult, Ingest.ReadInput)
    /// To tell what is wrong, perhaps with what was read.
    case failed(any Error, Ingest.ReadInput?)
    /// To look at it again.
    case again
  }

  /// Small inputs are waited for so long: what they show together takes little longer to store than what one shows.
  private static let patience = Duration.milliseconds(200)

  private var open = Group()
  private var lastTaken = ContinuousClock.now
  private var seen = SeenHeads()
  private var isOver = false
  private var adder: CheckedContinuation<Void, Never>?
  private var taker: CheckedContinuation<Void, Never>?

  /// Adds an input to those that are taken next, or waits until it can be one of those after them.
  func add(_ path: String, _ step: Step<Ingest.NewEvidence>) async {
    var step = step
    var isAlone = false
    // What it continues may not have been in the ledger yet when it was read: then it is read again, and so would be
    // all that are stored with it.
    switch step {
    case .new(let new):
      isAlone = new.isGrown || seen.contains(new.head)
      seen.insert(new.input.record.identity, new.head)
    case .failed(_, let input?) where seen.contains({ OpenedInput.headHash(input.head, $0) }):
      isAlone = true
      step = .again
    default: break
    }
    while !isOver, !open.takes(step, isAlone: isAlone) {
      open.isFull = true
      wakeTaker()
      await withCheckedContinuation { adder = $0 }
    }
    open.add(path, step, isAlone: isAlone)
    if isDue { wakeTaker() }
  }

  /// Ends it: there is no more than was added.
  func finish() {
    isOver = true
    wakeTaker()
    wakeAdder()
  }

  /// What was added since the last time, something at least; nil when there is no more.
  func next() async -> Group? {
    let reminder = Task {
      try await Task.sleep(until: lastTaken + StoreQueue.patience)
      wakeTaker()
    }
    defer { reminder.cancel() }
    while !isDue { await withCheckedContinuation { taker = $0 } }
    guard !open.steps.isEmpty else { return nil }
    let group = open
    open = Group()
    lastTaken = .now
    wakeAdder()
    return group
  }

  /// Whether it is time to take what there is.
  private var isDue: Bool {
    if isOver || open.isFull { return true }
    return !open.steps.isEmpty && lastTaken.duration(to: .now) >= StoreQueue.patience
  }

  private func wakeAdder() {
    adder?.resume()
    adder = nil
  }

  private func wakeTaker() {
    taker?.resume()
    taker = nil
  }
}

// MARK: - Groups

extension StoreQueue {
  /// Inputs that are stored together, with those between them that need not be stored.
  struct Group: Sendable {
    /// The most edges, and the most inputs, that are put together.
    private static let mostEdges = 1 << 16
    private static let mostInputs = 1024

    /// The inputs in their order, without the evidence, which is in the batch.
    private(set) var steps: [(path: String, step: Step<IngestResult>)] = []
    private var inputs: [IngestBatch.Input] = []
    /// The evidence of the only input, or that of all of them.
    private var single: Ingest.NewEvidence?
    private var joined = JoinedEvidence()
    private var logKind: LogKind?
    private var edges = 0
    /// Whether nothing more can be one of it: what is stored is stored before its other inputs are looked at.
    var isFull = false

    /// Whether an input can be one of it.
    ///
    /// - Parameter isAlone: Whether nothing may be stored with it.
    func takes(_ step: Step<Ingest.NewEvidence>, isAlone: Bool) -> Bool {
      guard !isFull, steps.count < Group.mostInputs else { return false }
      if isAlone { return inputs.isEmpty }
      guard case .new(let new) = step, !inputs.isEmpty else { return true }
      return logKind == new.logKind && edges + new.result.edges <= Group.mostEdges
    }

    mutating func add(_ path: String, _ step: Step<Ingest.NewEvidence>, isAlone: Bool) {
      switch step {
      case .done(let result, let input): steps.append((path, .done(result, input)))
      case .failed(let error, _): steps.append((path, .failed(error, nil)))
      case .again:
        steps.append((path, .again))
        isFull = true
      case .new(let new):
        steps.append((path, .new(new.result)))
        isFull = isFull || isAlone
        add(new)
      }
    }

    private mutating func add(_ new: Ingest.NewEvidence) {
      inputs.append(new.input)
      logKind = new.logKind
      guard inputs.count > 1 else {
        // Most often there is no other, and large ones take long to be put together.
        single = new
        edges = new.result.edges
        return
      }
      if let first = single { joined.add(first.evidence, input: 0) }
      single = nil
      joined.add(new.evidence, input: inputs.count - 1)
      edges = joined.edges.count
    }

    /// What the store gets; nil when there is nothing for it.
    var batch: IngestBatch? {
      if let single { return single.batch }
      return logKind.map { IngestBatch(inputs, logKind: $0, evidence: joined) }
    }
  }
}
