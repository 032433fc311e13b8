import PolicySynthesis
import TestSupport
import Testing

/// A relation whose pairs are there with the given probability in percent.
func randomRelation(_ rows: Int, _ columns: Int, percent: Int, _ seed: inout Seed)
  -> BooleanRelation
{
  var pairs: [(Int, Int)] = []
  for row in 0..<rows {
    for column in 0..<columns where Int.random(in: 0..<100, using: &seed) < percent {
      pairs.append((row, column))
    }
  }
  return BooleanRelation(rows: rows, columns: columns, pairs: pairs)
}

/// The union of random rectangles.
func plantedRelation(_ size: Int, count: Int, percent: Int, _ seed: inout Seed)
  -> BooleanRelation
{
  var pairs: [(Int, Int)] = []
  for _ in 0..<count {
    let rows = (0..<size).filter { _ in Int.random(in: 0..<100, using: &seed) < percent }
    let columns = (0..<size).filter { _ in Int.random(in: 0..<100, using: &seed) < percent }
    for row in rows { for column in columns { pairs.append((row, column)) } }
  }
  return BooleanRelation(rows: size, columns: size, pairs: pairs)
}

/// Exactly the pairs of the relation, sides ascending and not empty, sorted, and a bound that fits.
func expectCover(_ result: CoverResult, of relation: BooleanRelation, _ note: String = "") {
  let pairs = result.bicliques.flatMap { biclique in
    biclique.rows.flatMap { row in biclique.columns.map { (row, $0) } }
  }
  let union = BooleanRelation(
    rows: relation.rowCount,
    columns: relation.columnCount,
    pairs: pairs
  )
  #expect(union == relation, "\(note)")
  #expect(pairs.allSatisfy { $0 < relation.rowCount && $1 < relation.columnCount }, "\(note)")
  for biclique in result.bicliques {
    #expect(!biclique.rows.isEmpty && !biclique.columns.isEmpty, "\(note)")
    #expect(biclique.rows == Set(biclique.rows).sorted(), "\(note)")
    #expect(biclique.columns == Set(biclique.columns).sorted(), "\(note)")
  }
  #expect(result.bicliques == result.bicliques.sorted(), "\(note)")
  #expect(result.lowerBound <= result.bicliques.count, "\(note)")
  #expect(result.isMinimal == (result.lowerBound == result.bicliques.count), "\(note)")
}

@Suite("Biclique cover")
struct BicliqueCoverTests {
  private func relation(_ rows: [String]) -> BooleanRelation {
    BooleanRelation(
      rows: rows.count,
      columns: rows.map(\.count).max() ?? 0,
      pairs: rows.enumerated().flatMap { row, text in
        text.enumerated().filter { $0.element == "1" }.map { (row, $0.offset) }
      }
    )
  }

  private func peers(_ result: CoverResult) -> Int {
    result.bicliques.reduce(0) { $0 + $1.rows.count + $1.columns.count }
  }

  @Test("Nothing is covered by nothing", arguments: [(0, 0), (3, 0), (0, 3), (3, 3), (-1, -5)])
  func empty(rows: Int, columns: Int) {
    let empty = BooleanRelation(rows: rows, columns: columns, pairs: [(0, 0)].filter { _ in false })
    let result = BicliqueCover.minimum(empty, budget: 1_000)
    #expect(result.bicliques.isEmpty)
    #expect(result.lowerBound == 0)
    #expect(result.isMinimal)
  }

  @Test("Pairs outside are left out and repeated ones count once")
  func outside() {
    let pairs = [(0, 0), (1, 1), (0, 0), (-1, 0), (0, -1), (2, 0), (0, 64), (Int.max, Int.min)]
    let relation = BooleanRelation(rows: 2, columns: 2, pairs: pairs)
    #expect(relation.pairCount == 2)
    #expect(relation.contains(row: 1, column: 1))
    #expect(!relation.contains(row: 2, column: 0))
    #expect(!relation.contains(row: 0, column: -1))
    #expect(relation.columns(ofRow: 9).isEmpty)
  }

  @Test(
    "Known relations have their known size",
    arguments: [
      (["111", "111"], 1),
      (["100", "010", "001"], 3),
      (["110", "111", "011"], 2),
      // All but the diagonal: four rows need four, six need four.
      (["0111", "1011", "1101", "1110"], 4),
      (["011111", "101111", "110111", "111011", "111101", "111110"], 4),
      // The middle pair comes along with the others.
      (["11000", "11100", "00111", "00011"], 3),
      // Five in a ring, where no pair forces anything.
      (["11000", "01100", "00110", "00011", "10001"], 5),
    ] as [([String], Int)]
  )
  func known(rows: [String], size: Int) {
    let relation = relation(rows)
    let result = BicliqueCover.minimum(relation, budget: 100_000)
    expectCover(result, of: relation)
    #expect(result.bicliques.count == size)
    #expect(result.isMinimal)
  }

  @Test("A row is not listed where others already cover it")
  func trimmed() {
    // Two rectangles that overlap in the middle; nothing can go. Then one that others cover twice.
    let two = relation(["1100", "1111", "0011"])
    let result = BicliqueCover.minimum(two, budget: 1_000)
    #expect(result.bicliques.count == 2)
    #expect(peers(result) == 8)
    let three = relation(["111000", "111111", "000111", "011110", "011110"])
    let trimmed = BicliqueCover.minimum(three, budget: 10_000)
    expectCover(trimmed, of: three)
    #expect(trimmed.bicliques.count == 3)
    // The middle row is in the first two only.
    #expect(
      trimmed.bicliques == [
        Biclique(rows: [0, 1], columns: [0, 1, 2]),
        Biclique(rows: [1, 2], columns: [3, 4, 5]),
        Biclique(rows: [3, 4], columns: [1, 2, 3, 4]),
      ]
    )
  }

  @Test("As small as an independent search finds", arguments: Seed.samples(60))
  func oracle(seed: Seed) {
    var seed = seed
    for percent in [20, 35, 50, 65, 80] {
      let largest = percent == 50 || percent == 65 ? 9 : 10
      let rows = Int.random(in: 2...largest, using: &seed)
      let columns = Int.random(in: 2...largest, using: &seed)
      let relation = randomRelation(rows, columns, percent: percent, &seed)
      let optimum = CoverOracle(relation).minimum()
      let result = BicliqueCover.minimum(relation, budget: 1_000_000)
      expectCover(result, of: relation, "\(seed) \(percent)")
      #expect(result.bicliques.count == optimum, "\(seed) \(percent)")
      #expect(result.isMinimal, "\(seed) \(percent)")
      for budget in [0, 1, 5, 20] {
        let hasty = BicliqueCover.minimum(relation, budget: budget)
        expectCover(hasty, of: relation, "\(seed) \(percent) budget \(budget)")
        #expect(hasty.lowerBound <= optimum, "\(seed) \(percent) budget \(budget)")
        #expect(hasty.bicliques.count >= optimum, "\(seed) \(percent) budget \(budget)")
      }
    }
  }

  @Test("As small as an independent search finds on 12 by 12", arguments: Seed.samples(10))
  func larger(seed: Seed) {
    var seed = seed
    for percent in [20, 30] {
      let relation = randomRelation(12, 12, percent: percent, &seed)
      let result = BicliqueCover.minimum(relation, budget: 1_000_000)
      expectCover(result, of: relation, "\(seed) \(percent)")
      #expect(result.bicliques.count == CoverOracle(relation).minimum(), "\(seed) \(percent)")
    }
  }

  @Test("No more rules than rectangles were planted", arguments: Seed.samples(6))
  func planted(seed: Seed) {
    var seed = seed
    for (size, count, percent) in [(60, 5, 20), (100, 10, 15), (200, 40, 5), (200, 12, 10)] {
      let relation = plantedRelation(size, count: count, percent: percent, &seed)
      let result = BicliqueCover.minimum(relation, budget: 20_000)
      expectCover(result, of: relation, "\(seed) \(count)")
      #expect(result.bicliques.count <= count, "\(seed) \(count)")
    }
  }

  @Test("A cover of a dense relation stays valid when the budget ends", arguments: [0, 10, 300])
  func exhausted(budget: Int) {
    var seed = Seed(7)
    let relation = randomRelation(70, 70, percent: 50, &seed)
    let result = BicliqueCover.minimum(relation, budget: budget)
    expectCover(result, of: relation)
    #expect(!result.isMinimal)
    #expect(result.bicliques.count <= 70)
    #expect(result.lowerBound > 1)
  }

  @Test("The order and repetition of pairs changes nothing", arguments: Seed.samples(10))
  func order(seed: Seed) {
    var seed = seed
    let relation = randomRelation(14, 11, percent: 45, &seed)
    var pairs = (0..<14).flatMap { row in relation.columns(ofRow: row).map { (row, $0) } }
    let first = BicliqueCover.minimum(relation, budget: 3_000)
    for _ in 0..<3 {
      pairs.shuffle(using: &seed)
      pairs.append(pairs[0])
      let again = BooleanRelation(rows: 14, columns: 11, pairs: pairs)
      #expect(BicliqueCover.minimum(again, budget: 3_000) == first)
    }
  }
}

@Suite("Cover by what one rule can say")
struct ExpressibleCoverTests {
  @Test("A cover that can be said is taken as it is", arguments: Seed.samples(20))
  func free(seed: Seed) {
    var seed = seed
    let relation = randomRelation(8, 8, percent: 40, &seed)
    let free = BicliqueCover.minimum(relation, budget: 100_000)
    let result = BicliqueCover.minimum(relation, budget: 100_000) { _, _ in true }
    expectCover(result, of: relation)
    #expect(result.bicliques.count == free.bicliques.count)
    #expect(result.isMinimal)
  }

  @Test("As small as an independent search finds", arguments: Seed.samples(60))
  func oracle(seed: Seed) {
    var seed = seed
    let rows = Int.random(in: 2...5, using: &seed)
    let columns = Int.random(in: 2...5, using: &seed)
    let salt = Int.random(in: 0..<1_000, using: &seed)
    let predicates: [ExpressibleSides] = [
      { _, _ in false },
      { rows, _ in rows.count <= 2 },
      { rows, _ in Set(rows.map { $0 % 2 }).count == 1 },
      // Only rows side by side, and columns of one half.
      { rows, columns in
        rows[rows.count - 1] - rows[0] < rows.count && Set(columns.map { $0 / 3 }).count == 1
      },
      // Nothing follows from parts.
      { rows, columns in (rows + columns).reduce(salt) { ($0 * 31 + $1) % 1_009 } % 3 == 0 },
    ]
    for (index, predicate) in predicates.enumerated() {
      let relation = randomRelation(rows, columns, percent: 70, &seed)
      let optimum = CoverOracle(relation, allowed: predicate).minimum()
      let note = "\(seed) predicate \(index)"
      let result = BicliqueCover.minimum(relation, budget: 1_000_000, expressible: predicate)
      expectCover(result, of: relation, note)
      #expect(result.bicliques.count == optimum, "\(note)")
      #expect(result.isMinimal, "\(note)")
      #expect(
        result.bicliques.allSatisfy { $0.rows.count == 1 || predicate($0.rows, $0.columns) },
        "\(note)"
      )
      for budget in [0, 3, 30] {
        let hasty = BicliqueCover.minimum(relation, budget: budget, expressible: predicate)
        expectCover(hasty, of: relation, note)
        #expect(hasty.lowerBound <= optimum, "\(note)")
        #expect(
          hasty.bicliques.allSatisfy { $0.rows.count == 1 || predicate($0.rows, $0.columns) },
          "\(note)"
        )
      }
    }
  }

  @Test("Equal rows are told apart where only some of them can be said together")
  func twins() {
    let pairs = (0..<4).flatMap { row in (0..<3).map { (row, $0) } }
    let relation = BooleanRelation(rows: 4, columns: 3, pairs: pairs)
    let result = BicliqueCover.minimum(relation, budget: 10_000) { rows, _ in
      rows == [0, 2] || rows == [1, 3]
    }
    #expect(
      result.bicliques == [
        Biclique(rows: [0, 2], columns: [0, 1, 2]), Biclique(rows: [1, 3], columns: [0, 1, 2]),
      ]
    )
    #expect(result.isMinimal)
  }

  @Test("A single row is never asked about")
  func singleRows() {
    let relation = BooleanRelation(rows: 3, columns: 3, pairs: [(0, 0), (1, 1), (1, 2), (2, 0)])
    let result = BicliqueCover.minimum(relation, budget: 10_000) { rows, _ in
      #expect(rows.count > 1)
      return false
    }
    expectCover(result, of: relation)
    #expect(result.bicliques.count == 3)
  }
}
