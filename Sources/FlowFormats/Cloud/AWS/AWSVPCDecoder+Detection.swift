import FlowModel
import JSONText

extension AWSVPCDecoder {
  /// Whether the input begins with a header, a default line, such a line in an envelope, or Parquet.
  package static func recognizes(_ start: RawSpan) -> Bool {
    let look = LogStart(start)
    if look.text.hasPrefix("PAR1") || look.quotes("awslogs") { return true }
    let first = look.firstLine
    if first.hasPrefix("{") || first.hasPrefix("[") {
      let isCopy =
        (look.quotes("srcaddr") || look.quotes("srcAddr") || look.quotes("sourceaddress"))
        && (look.quotes("dstaddr") || look.quotes("dstAddr") || look.quotes("destinationaddress"))
      return isCopy || holdsDefaultMessage(look.text)
    }
    let bytes = Array(first.utf8)
    let span = unsafe bytes.span.bytes
    let whole = span.trimmedRange()
    guard !whole.isEmpty else { return false }
    let range = withoutTime(span, whole)
    if let header = AWSVPCLayout(header: span, in: range) {
      return header.columns.contains(.transitGateway)
        || Set(header.columns).subtracting([.ignored]).count >= 3
    }
    return isDefaultLine(span.text(in: range)) || isTransitGateway(span, range)
  }

  /// Whether a line of the input's start, in an envelope or not, holds two addresses or says that there
  /// were none: enough where the user gave the columns.
  static func mayHoldRecords(_ start: RawSpan) -> Bool {
    let separators = Set<UInt8>(" \t\r\",\\".utf8)
    let text = LogStart(start).text
    return text.utf8.split(separator: 0x0a).prefix(20).contains { line in
      let words = line.split { separators.contains($0) }.map { Substring($0) }
      return words.contains { $0 == "NODATA" || $0 == "SKIPDATA" }
        || words.lazy.compactMap { IPAddress($0) }.prefix(2).count == 2
    }
  }

  /// A line without a line feed at the end of an input is whole when its last column, the status, is.
  package static func isComplete(lastLine: RawSpan) -> Bool {
    let range = lastLine.trimmedRange()
    guard !range.isEmpty else { return true }
    if lastLine.byte(at: range.lowerBound) == UInt8(ascii: "{") {
      return (try? JSONParser.parse(lastLine)) != nil
    }
    var position = range.lowerBound
    var last = range.lowerBound..<range.lowerBound
    while let token = lastLine.nextToken(&position, before: range.upperBound) { last = token }
    return lastLine.holds("OK", in: last) || lastLine.holds("NODATA", in: last)
      || lastLine.holds("SKIPDATA", in: last)
  }

  private static func isDefaultLine(_ text: some StringProtocol) -> Bool {
    let columns = text.split(separator: " ", omittingEmptySubsequences: true)
    guard columns.count == 14, columns[0] == "2", columns[2].hasPrefix("eni-") else {
      return false
    }
    return ["OK", "NODATA", "SKIPDATA"].contains(String(columns[13]))
  }

  /// A message of an envelope that is a default line or names an interface after its version and account.
  private static func holdsDefaultMessage(_ text: String) -> Bool {
    for mark in ["\"message\":\"", "\"message\": \"", "\"value\":\"", "\"value\": \""] {
      for part in text.split(separator: mark).dropFirst().prefix(4) {
        let message = part.prefix { $0 != "\"" }
        if isDefaultLine(message) { return true }
        let columns = message.split(separator: " ")
        if columns.count >= 8,
          columns.contains(where: { $0.hasPrefix("eni-") || $0.hasPrefix("vpc-") }),
          columns.contains(where: { ["OK", "NODATA", "SKIPDATA"].contains(String($0)) })
        {
          return true
        }
      }
    }
    return false
  }
}
