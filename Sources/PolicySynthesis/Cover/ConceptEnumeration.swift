/// Lists the maximal bicliques of a small relation (its formal concepts), each once.
///
/// The search adds columns in order and keeps a closure only where it brings in no earlier column,
/// which makes every concept come up exactly once (Kuznetsov's Close-by-One).
struct ConceptEnumeration {
  private let rowSets: [BitSet]
  private let columnSets: [BitSet]

  /// Makes the enumeration of a relation given by rows.
  init(rowSets: [BitSet], columns: Int) {
    self.rowSets = rowSets
    columnSets = CoreRelation.transposed(rowSets, columns: columns)
  }

  /// All maximal bicliques with at least one row and one column.
  ///
  /// - Returns: nil when there are more than `limit`, or the meter ran out before the end.
  func all(limit: Int, _ meter: inout StepMeter) -> [CoreBiclique]? {
    var result: [CoreBiclique] = []
    let everyRow = BitSet(full: rowSets.count)
    var stack: [(concept: CoreBiclique, next: Int)] = [
      (CoreBiclique(rows: everyRow, columns: shared(by: everyRow, &meter)), 0)
    ]
    while let (concept, next) = stack.popLast() {
      if !concept.columns.isEmpty, !concept.rows.isEmpty { result.append(concept) }
      guard result.count <= limit, !meter.isExhausted else { return nil }
      for column in next..<max(next, columnSets.count) where !concept.columns.contains(column) {
        let rows = concept.rows.intersection(columnSets[column])
        guard !rows.isEmpty else { continue }
        let columns = shared(by: rows, &meter)
        guard columns.agrees(with: concept.columns, below: column) else { continue }
        stack.append((CoreBiclique(rows: rows, columns: columns), column + 1))
      }
    }
    return result
  }

  private func shared(by rows: BitSet, _ meter: inout StepMeter) -> BitSet {
    var result = BitSet(full: columnSets.count)
    var looked = 4
    rows.forEach {
      result.formIntersection(rowSets[$0])
      looked += result.wordCount
    }
    meter.charge(words: looked)
    return result
  }
}
