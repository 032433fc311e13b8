import GRDB

/// The values of some rows, one behind the other: numbers, and texts in one buffer.
///
/// It holds no strings, so that rows can be put together on one thread and bound on another, and so that SQLite
/// can read the texts where they are instead of making a copy of each.
struct RowValues: Sendable {
  /// A number, or a text's place in the buffer.
  fileprivate struct Value {
    /// The number; for a text where it starts.
    var number: Int64
    /// The text's length; -1 for a number.
    var textCount: Int
  }

  fileprivate var texts: [UInt8] = []
  fileprivate var values: [Value] = []

  /// The number of values.
  var count: Int { values.count }

  /// Makes room for so many values.
  mutating func reserve(_ count: Int) { values.reserveCapacity(count) }

  /// Adds a number.
  @inline(__always)
  mutating func add(_ number: Int64) { values.append(Value(number: number, textCount: -1)) }

  /// Adds a text.
  mutating func add(_ text: String) { add { $0.append(contentsOf: text.utf8) } }

  /// Adds a text by appending its bytes to a buffer.
  @inline(__always)
  mutating func add(_ append: (inout [UInt8]) -> Void) {
    let start = texts.count
    append(&texts)
    values.append(Value(number: Int64(start), textCount: texts.count - start))
  }

  /// Forgets all values and keeps the room.
  mutating func removeAll() {
    texts.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
  }
}

extension RowStatement {
  /// Binds values to all parameters and runs the statement, as often as the values are enough for.
  ///
  /// - Parameters:
  ///   - values: The values.
  ///   - range: Which of them.
  ///   - parameters: How many parameters the statement has.
  func run(_ values: RowValues, _ range: Range<Int>, parameters: Int) throws {
    try bind(values) { bindAll in
      var start = range.lowerBound
      while start + parameters <= range.upperBound {
        bindAll(start..<start + parameters)
        try run()
        start += parameters
      }
    }
  }

  /// Binds values to the parameters of a query for one number and runs it; nil when there is no row.
  func firstNumber(_ values: RowValues) throws -> Int64? {
    try bind(values) { bindAll in
      bindAll(values.values.indices)
      return try firstNumber()
    }
  }

  /// Lets values be bound while their texts stay where they are.
  private func bind<Result>(
    _ values: RowValues,
    _ body: ((Range<Int>) -> Void) throws -> Result
  ) throws -> Result {
    var texts = values.texts
    // An empty buffer might have no address, and NULL is no text.
    if texts.isEmpty { texts.append(0) }
    return try texts.withUnsafeBytes { bytes in
      let bytes = bytes.assumingMemoryBound(to: CChar.self)
      defer { clear() }
      return try body { range in
        var parameter: CInt = 1
        for index in range {
          let value = values.values[index]
          if value.textCount < 0 {
            bind(parameter, value.number)
          } else {
            let start = Int(value.number)
            bind(
              parameter,
              lasting: UnsafeBufferPointer(rebasing: bytes[start..<start + value.textCount])
            )
          }
          parameter += 1
        }
      }
    }
  }
}
