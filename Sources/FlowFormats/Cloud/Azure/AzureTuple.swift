import FlowModel

/// One flow tuple of an Azure VNet (version 4) or NSG (version 1 or 2) flow log.
struct AzureTuple {
  /// What became of the flow so far.
  enum State { case begin, continuing, end, denied, allowedWithoutState }

  var time: Int64
  var source: IPAddress
  var destination: IPAddress
  var sourcePort: UInt16
  var destinationPort: UInt16
  var transport: TransportProtocol
  var isInbound: Bool
  var state: State
  /// The virtual network's encryption dropped it.
  var isEncryptionDrop = false
  /// Packets and bytes from source to destination, and back; 0 when not given.
  var packetsSent: Int64 = 0
  var bytesSent: Int64 = 0
  var packetsReceived: Int64 = 0
  var bytesReceived: Int64 = 0

  /// Reads a tuple.
  ///
  /// The kinds differ in the protocol, a number in VNet logs and a letter in NSG logs, and in what follows it.
  /// Times of 13 digits are milliseconds, of 10 digits seconds.
  ///
  /// - Throws: ``Problem`` with the name of the value that is wrong.
  init(_ text: String) throws(Problem) {
    // The span lives as long as the text.
    try unsafe self.init(text.utf8Span.span.bytes)
  }

  private init(_ text: RawSpan) throws(Problem) {
    var values = InlineArray<13, Range<Int>>(repeating: 0..<0)
    let count = AzureTuple.split(text, into: &values)
    guard count == 8 || count == 13 else {
      throw Problem("\(count) values in a flow tuple, not 8 or 13")
    }
    guard let number = text.decimal(in: values[0]),
      let time = values[0].count == 13
        ? CloudTime.microseconds(fromMilliseconds: number)
        : values[0].count == 10 ? CloudTime.microseconds(fromSeconds: number) : nil
    else { throw Problem("no time in a flow tuple") }
    guard let source = text.address(in: values[1]), let destination = text.address(in: values[2])
    else { throw Problem("no address in a flow tuple") }
    guard let sourcePort = text.decimal(in: values[3]).flatMap({ UInt16(exactly: $0) }),
      let destinationPort = text.decimal(in: values[4]).flatMap({ UInt16(exactly: $0) })
    else { throw Problem("no port in a flow tuple") }
    let isInbound = text.holds("I", in: values[6])
    guard isInbound || text.holds("O", in: values[6]) else {
      throw Problem("no direction in a flow tuple")
    }
    self.time = time
    self.source = source
    self.destination = destination
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.isInbound = isInbound
    if text.holds("T", in: values[5]) || text.holds("U", in: values[5]) {
      transport = text.holds("T", in: values[5]) ? .tcp : .udp
      state = try AzureTuple.groupState(text, values[7], values[8], isLong: count == 13)
    } else {
      guard let number = text.decimal(in: values[5]).flatMap({ UInt8(exactly: $0) }) else {
        throw Problem("no protocol in a flow tuple")
      }
      guard count == 13 else { throw Problem("8 values in a VNet flow tuple, not 13") }
      transport = TransportProtocol(number: number)
      state = try AzureTuple.networkState(text, values[7])
      isEncryptionDrop =
        text.holds("NX_SW_NOT_READY", in: values[8]) || text.holds("NX_NOT_ACCEPTED", in: values[8])
        || text.holds("NX_NOT_SUPPORTED", in: values[8])
    }
    guard count == 13 else { return }
    packetsSent = try AzureTuple.counter(text, values[9])
    bytesSent = try AzureTuple.counter(text, values[10])
    packetsReceived = try AzureTuple.counter(text, values[11])
    bytesReceived = try AzureTuple.counter(text, values[12])
  }

  /// Finds the values between the commas, less blanks around them.
  ///
  /// - Returns: How many there are, also of those that find no place.
  private static func split(_ text: RawSpan, into values: inout InlineArray<13, Range<Int>>) -> Int
  {
    var count = 0
    var start = 0
    while true {
      let end = text.offset(of: UInt8(ascii: ","), from: start, before: text.byteCount)
      if count < values.count {
        var value = start..<end
        while !value.isEmpty, RawSpan.isBlank(text.byte(at: value.lowerBound)) {
          value = value.lowerBound + 1..<value.upperBound
        }
        while !value.isEmpty, RawSpan.isBlank(text.byte(at: value.upperBound - 1)) {
          value = value.lowerBound..<value.upperBound - 1
        }
        values[count] = value
      }
      count += 1
      guard end < text.byteCount else { return count }
      start = end + 1
    }
  }

  /// What is wrong with a tuple.
  struct Problem: Error {
    var text: String
    init(_ text: String) { self.text = text }
  }

  /// NSG: the decision stands at position 8, in version 2 the state behind it.
  private static func groupState(
    _ text: RawSpan,
    _ decision: Range<Int>,
    _ state: Range<Int>,
    isLong: Bool
  ) throws(Problem) -> State {
    if text.holds("D", in: decision) { return .denied }
    guard text.holds("A", in: decision) else {
      throw Problem("unknown decision in a flow tuple")
    }
    guard isLong else { return .allowedWithoutState }
    guard !text.holds("D", in: state) else { throw Problem("unknown state in a flow tuple") }
    return try networkState(text, state)
  }

  private static func networkState(_ text: RawSpan, _ state: Range<Int>) throws(Problem) -> State {
    if text.holds("B", in: state) { return .begin }
    if text.holds("C", in: state) { return .continuing }
    if text.holds("E", in: state) { return .end }
    if text.holds("D", in: state) { return .denied }
    throw Problem("unknown state in a flow tuple")
  }

  private static func counter(_ text: RawSpan, _ value: Range<Int>) throws(Problem) -> Int64 {
    if value.isEmpty { return 0 }
    guard let number = text.decimal(in: value) else {
      throw Problem("a counter of a flow tuple is no number")
    }
    return number
  }
}
