import FlowModel

/// The order of the columns of AWS VPC flow log lines.
package struct AWSVPCLayout: Hashable, Sendable {
  /// Where a layout came from.
  package enum Origin: Sendable {
    /// A line of the log.
    case header
    /// The user.
    case options
    /// The default format of version 2.
    case defaultFormat
  }

  /// The field of each column.
  package let columns: [AWSVPCField]
  /// Where it came from.
  package let origin: Origin
  /// Names that no version of the format has, in order.
  package let unknownNames: [String]
  /// Why no connection can be learned from such lines, nil when one can.
  package let problem: String?

  /// The default format.
  package static let standard = AWSVPCLayout(
    columns: [
      .version, .ignored, .interfaceID, .sourceAddress, .destinationAddress, .sourcePort,
      .destinationPort, .transport, .packets, .bytes, .start, .end, .action, .logStatus,
    ],
    origin: .defaultFormat,
    unknownNames: []
  )

  private init(columns: [AWSVPCField], origin: Origin, unknownNames: [String]) {
    self.init(
      columns: columns,
      origin: origin,
      unknownNames: unknownNames,
      problem: columns.contains(.transitGateway)
        ? AWSVPCLayout.transitGatewayAdvice
        : AWSVPCLayout.repeated(columns).map { "the layout has \($0) twice" }
          ?? AWSVPCLayout.missing(columns).map { "the layout has no \($0)" }
    )
  }

  private init(columns: [AWSVPCField], origin: Origin, unknownNames: [String], problem: String?) {
    self.columns = columns
    self.origin = origin
    self.unknownNames = unknownNames
    self.problem = problem
  }

  /// The same layout when lines turn out not to be like it.
  func refused(_ problem: String) -> AWSVPCLayout {
    AWSVPCLayout(columns: columns, origin: origin, unknownNames: unknownNames, problem: problem)
  }

  /// What to say about logs of transit gateways.
  static let transitGatewayAdvice =
    "transit gateway flow log: it has no verdict and no pod addresses; use the VPC flow logs"

  /// Makes a layout from what the user gave, bare names or `${name}`, in one text or several.
  ///
  /// - Returns: nil when there is no name.
  package init?(fields: [String]) {
    let names = fields.flatMap { $0.split { $0 == " " || $0 == "," || $0 == "\t" } }
    guard !names.isEmpty else { return nil }
    self.init(names: names.map(String.init), origin: .options)
  }

  private init(names: [String], origin: Origin) {
    let fields = names.map { AWSVPCField(name: $0) }
    self.init(
      columns: fields.map { $0 ?? .ignored },
      origin: origin,
      unknownNames: zip(names, fields).compactMap { $1 == nil ? $0 : nil }
    )
  }

  /// Reads a header line: known field names, and at most as many unknown ones that look like names.
  ///
  /// - Returns: nil when the line is no header.
  package init?(header line: RawSpan, in range: Range<Int>) {
    var position = range.lowerBound
    guard let first = line.nextToken(&position, before: range.upperBound),
      AWSVPCLayout.looksLikeName(line, first), AWSVPCField(name: line.text(in: first)) != nil
    else { return nil }
    var names = [line.text(in: first)]
    while let token = line.nextToken(&position, before: range.upperBound) {
      guard AWSVPCLayout.looksLikeName(line, token), names.count < 256 else { return nil }
      names.append(line.text(in: token))
    }
    self.init(names: names, origin: .header)
    guard unknownNames.count * 2 <= columns.count else { return nil }
  }

  /// Lower-case letters, digits and dashes, with no digit but the last byte of `instance-tag-2`.
  private static func looksLikeName(_ line: RawSpan, _ range: Range<Int>) -> Bool {
    guard 0x61...0x7a ~= line.byte(at: range.lowerBound), range.count <= 64 else { return false }
    for index in range {
      switch line.byte(at: index) {
      case 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"): continue
      case 0x30...0x39 where index == range.upperBound - 1 && index > range.lowerBound:
        guard line.byte(at: index - 1) == UInt8(ascii: "-") else { return false }
      default: return false
      }
    }
    return true
  }

  /// The first field that stands in two columns.
  private static func repeated(_ columns: [AWSVPCField]) -> String? {
    var seen: Set<AWSVPCField> = []
    return columns.first { $0 != .ignored && !seen.insert($0).inserted }?.name
  }

  /// The fields without which no connection can be learned, nil when all are there.
  private static func missing(_ columns: [AWSVPCField]) -> String? {
    var missing: [String] = []
    if !columns.contains(.sourceAddress), !columns.contains(.packetSource) {
      missing.append(AWSVPCField.sourceAddress.name)
    }
    if !columns.contains(.destinationAddress), !columns.contains(.packetDestination) {
      missing.append(AWSVPCField.destinationAddress.name)
    }
    let needed: [AWSVPCField] = [.sourcePort, .destinationPort, .transport, .start]
    missing += needed.filter { !columns.contains($0) }.map(\.name)
    return missing.isEmpty ? nil : missing.joined(separator: ", ")
  }
}
