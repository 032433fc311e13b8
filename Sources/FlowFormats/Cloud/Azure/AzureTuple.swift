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
    let values = text.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.trimmingBlanks()
    }
    guard values.count == 8 || values.count == 13 else {
      throw Problem("\(values.count) values in a flow tuple, not 8 or 13")
    }
    guard let number = Int64(values[0]), values[0].utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
      let time = values[0].utf8.count == 13
        ? CloudTime.microseconds(fromMilliseconds: number)
        : values[0].utf8.count == 10 ? CloudTime.microseconds(fromSeconds: number) : nil
    else { throw Problem("no time in a flow tuple") }
    guard let source = IPAddress(values[1]), let destination = IPAddress(values[2]) else {
      throw Problem("no address in a flow tuple")
    }
    guard let sourcePort = UInt16(values[3]), let destinationPort = UInt16(values[4]) else {
      throw Problem("no port in a flow tuple")
    }
    guard values[6] == "I" || values[6] == "O" else {
      throw Problem("no direction in a flow tuple")
    }
    self.time = time
    self.source = source
    self.destination = destination
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    isInbound = values[6] == "I"
    switch values[5] {
    case "T", "U":
      transport = values[5] == "T" ? .tcp : .udp
      state = try AzureTuple.groupState(values)
    default:
      guard let protocolNumber = UInt8(values[5]) else {
        throw Problem("no protocol in a flow tuple")
      }
      guard values.count == 13 else { throw Problem("8 values in a VNet flow tuple, not 13") }
      transport = TransportProtocol(number: protocolNumber)
      state = try AzureTuple.networkState(values[7])
      isEncryptionDrop = AzureTuple.encryptionDrops.contains(String(values[8]))
    }
    guard values.count == 13 else { return }
    packetsSent = try AzureTuple.counter(values[9])
    bytesSent = try AzureTuple.counter(values[10])
    packetsReceived = try AzureTuple.counter(values[11])
    bytesReceived = try AzureTuple.counter(values[12])
  }

  /// What is wrong with a tuple.
  struct Problem: Error {
    var text: String
    init(_ text: String) { self.text = text }
  }

  private static let encryptionDrops: Set<String> = [
    "NX_SW_NOT_READY", "NX_NOT_ACCEPTED", "NX_NOT_SUPPORTED",
  ]

  /// NSG: the decision stands at position 8, in version 2 the state behind it.
  private static func groupState(_ values: [Substring]) throws(Problem) -> State {
    switch values[7] {
    case "D": return .denied
    case "A":
      guard values.count == 13 else { return .allowedWithoutState }
      guard values[8] != "D" else { throw Problem("unknown state in a flow tuple") }
      return try networkState(values[8])
    default: throw Problem("unknown decision in a flow tuple")
    }
  }

  private static func networkState(_ text: Substring) throws(Problem) -> State {
    switch text {
    case "B": return .begin
    case "C": return .continuing
    case "E": return .end
    case "D": return .denied
    default: throw Problem("unknown state in a flow tuple")
    }
  }

  private static func counter(_ text: Substring) throws(Problem) -> Int64 {
    if text.isEmpty { return 0 }
    guard let value = Int64(text), value >= 0 else {
      throw Problem("a counter of a flow tuple is no number")
    }
    return value
  }
}
