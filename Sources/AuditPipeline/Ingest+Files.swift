import FlowAggregation
import FlowModel
import FlowStorage

extension Ingest {
  /// The most edges and endpoints of inputs that wait to be put together.
  private static let mostWaiting = 1 << 15
  /// The most inputs that wait so.
  private static let mostInputsWaiting = 128

  /// Reads files side by side and stores them in the order given.
  ///
  /// What was read while other files were stored is stored together: a transaction takes longer than to read a
  /// small file, and small files show the same edges again and again. The store is the same as when they are
  /// taken one by one.
  ///
  /// - Parameters:
  ///   - paths: The files.
  ///   - most: How many are read at a time.
  ///   - taken: Is told what came of each file, in order; an error of one is no error of the others.
  /// - Throws: What `taken` throws; files that are not stored by then are left out.
  package func run(
    paths: [String],
    sideBySide most: Int,
    taken: (String, Result<IngestResult, any Error>) async throws -> Void
  ) async throws {
    var left = paths[...]
    while let path = left.first {
      let files = left.prefix { InputFiles.canBeReadAgain($0) }
      if files.isEmpty {
        // What goes by only once is read when all before it is in the ledger, for it may go on with that.
        try await taken(path, await Ingest.result { try await run(path: path) })
        left.removeFirst()
      } else {
        try await run(files: Array(files), sideBySide: most, taken: taken)
        left.removeFirst(files.count)
      }
    }
  }

  /// Reads files that can be read again.
  private func run(
    files paths: [String],
    sideBySide most: Int,
    taken: (String, Result<IngestResult, any Error>) async throws -> Void
  ) async throws {
    let heads = paths.count > 1 ? KnownHeads(try await store.heads()) : nil
    let ahead = ReadAhead<Result<ReadInput, any Error>>(
      count: paths.count,
      mostWeight: Ingest.mostWaiting,
      mostWaiting: Ingest.mostInputsWaiting
    )
    let queue = StoreQueue()
    let leastPart =
      paths.count >= 2 * most ? InputDecoding.leastPartOfMany : InputDecoding.leastPart
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<max(1, most) {
        group.addTask {
          while let index = await ahead.next() {
            let result = await Ingest.result {
              try await self.read(path: paths[index], heads: heads, leastPart: leastPart)
            }
            await ahead.put(result, at: index, weight: (try? result.get())?.weight ?? 0)
          }
        }
      }
      group.addTask {
        var left = paths[...]
        while case let inputs = await ahead.take(), !inputs.isEmpty {
          for input in inputs {
            if let path = left.popFirst() { await queue.add(path, self.prepare(input)) }
          }
        }
        await queue.finish()
      }
      do {
        var hasStored = false
        while let group = await queue.next() {
          try await store(group, heads, hasStored: &hasStored, taken: taken)
        }
      } catch {
        await ahead.close()
        await queue.finish()
        throw error
      }
    }
  }

  private func prepare(_ read: Result<ReadInput, any Error>) -> StoreQueue.Step<NewEvidence> {
    switch read {
    case .failure(let error): return .failed(error, nil)
    case .success(let input):
      do {
        switch try prepare(input) {
        case .done(let result): return .done(result, input)
        case .evidence(let new): return .new(new)
        }
      } catch {
        return .failed(error, input)
      }
    }
  }

  /// Stores what was put together, and tells what came of each input.
  ///
  /// - Parameter hasStored: Whether anything was stored, which may have been a row that another input was found in.
  private func store(
    _ group: StoreQueue.Group,
    _ heads: KnownHeads?,
    hasStored: inout Bool,
    taken: (String, Result<IngestResult, any Error>) async throws -> Void
  ) async throws {
    var stored = await store(group)
    for (path, step) in group.steps {
      let outcome: Result<IngestResult, any Error>
      switch step {
      case .new(let result):
        switch stored {
        case .together(var ids):
          outcome = .success(result.stored(as: ids.removeFirst()))
          stored = .together(ids)
        case .oneByOne: outcome = await Ingest.result { try await readAnew(path) }
        case .failed(let error): outcome = .failure(error)
        }
      case .done(let result, let input):
        outcome =
          hasStored ? await Ingest.result { try await current(result, input) } : .success(result)
      case .failed(let error, _): outcome = .failure(error)
      case .again: outcome = await Ingest.result { try await readAnew(path) }
      }
      if case .success(let result) = outcome, result.status == .new || result.status == .grown {
        heads?.insert(result.record.identity)
        hasStored = true
      }
      try await taken(path, outcome)
    }
  }

  /// What came of a group.
  private enum Stored {
    /// The numbers of the ledger rows that are left, in order.
    case together(ArraySlice<Int64>)
    /// Its inputs are to be read and stored one by one: one of them may be to blame.
    case oneByOne
    case failed(any Error)
  }

  private func store(_ group: StoreQueue.Group) async -> Stored {
    guard let batch = group.batch else { return .together([]) }
    do { return .together(try await store.addAll(batch)[...]) } catch {
      let isChanged = error as? FlowStoreError == .ledgerChanged
      return isChanged || batch.inputs.count > 1 ? .oneByOne : .failed(error)
    }
  }

  private static func result<Value>(_ body: () async throws -> Value) async
    -> Result<Value, any Error>
  {
    do { return .success(try await body()) } catch { return .failure(error) }
  }
}

extension Ingest.ReadInput {
  /// What it costs to keep it: edges and endpoints, which take a hundred bytes and more each.
  fileprivate var weight: Int {
    guard case .decoded(let decoded, _, _) = outcome else { return 0 }
    return decoded.accumulator.edges.entries.count + decoded.accumulator.endpoints.count
  }
}
