package import FlowModel

/// The evidence of several inputs of one log kind, put together so that a store writes each edge once.
///
/// Small inputs show the same edges again and again: to store them one by one takes many times as long as to
/// read them.
package struct JoinedEvidence: Sendable {
  /// The endpoints that the edges' keys index.
  package private(set) var endpoints: [Endpoint] = []
  private var endpointIndex = EndpointIndex()
  private var table = EdgeTable()

  /// Makes the evidence of no input.
  package init() {}

  /// The edges; which input and line an ``EdgeTable/Entry/sampleLine`` means, ``SampleLine`` tells.
  package var edges: [EdgeTable.Entry] { table.entries }

  /// Adds the evidence of an input.
  ///
  /// - Parameters:
  ///   - evidence: What ended with ``EvidenceAccumulator/finish(marksRepliesSoFar:)``.
  ///   - input: The number of the input among those that are put together; each is greater than those before.
  package mutating func add(_ evidence: EvidenceAccumulator, input: Int) {
    var indices = [UInt32?](repeating: nil, count: evidence.endpoints.count)
    func index(_ old: UInt32) -> UInt32 {
      if let known = indices[Int(old)] { return known }
      let new = self.index(of: evidence.endpoints[Int(old)])
      indices[Int(old)] = new
      return new
    }
    for entry in evidence.edges.entries {
      var key = entry.key
      key.source = index(key.source)
      key.destination = index(key.destination)
      table.add(
        key,
        records: entry.records,
        bytes: entry.bytes,
        first: entry.first,
        last: entry.last,
        line: SampleLine(input: input, line: entry.sampleLine).packed
      )
    }
    table.countWaiting()
  }

  private mutating func index(of endpoint: Endpoint) -> UInt32 {
    let hash = EndpointIndex.hash(endpoint)
    if let known = endpointIndex.find(endpoint, hash: hash, in: endpoints) { return known }
    let index = UInt32(endpoints.count)
    endpoints.append(endpoint)
    endpointIndex.insert(index, hash: hash)
    return index
  }
}

/// A line of one of several inputs, as one number that rises with both.
package struct SampleLine: Hashable, Sendable {
  /// The number of the input; 0 for the first, and where there is one only.
  package var input: Int
  /// The line in its file.
  package var line: Int

  private static let lineBits = 40

  /// Makes a line.
  package init(input: Int, line: Int) {
    self.input = input
    self.line = line
  }

  /// Takes a number apart.
  package init(packed: Int) {
    input = packed >> SampleLine.lineBits
    line = packed & (1 << SampleLine.lineBits - 1)
  }

  /// Both in one number; lines beyond a million million are taken for that one.
  package var packed: Int {
    input << SampleLine.lineBits | min(max(line, 0), 1 << SampleLine.lineBits - 1)
  }
}
