import FlowModel

extension CalicoScanner {
  /// The namespace, behind which the rest of the source's members may be known.
  @inline(never)
  func scanSourceNamespace(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    let end = CalicoScanner.scanText(bytes, start, &line.source.namespace)
    line.source.runEnd = end
    var match = CalicoTemplates.Match()
    guard end >= 0, ends.findRun(bytes, isDestination: false, &line.source, &match) else {
      return end
    }
    line.source.known = Int(match.value)
    return match.end
  }

  /// The namespace, behind which the rest of the destination's members may be known.
  @inline(never)
  func scanDestinationNamespace(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    let end = CalicoScanner.scanText(bytes, start, &line.destination.namespace)
    line.destination.runEnd = end
    var match = CalicoTemplates.Match()
    guard end >= 0, ends.findRun(bytes, isDestination: true, &line.destination, &match) else {
      return end
    }
    line.destination.known = Int(match.value)
    if match.number >= 0 {
      guard match.number <= 65_535, line.keys.insert(.destPort) else { return -1 }
      line.facts.port = UInt16(match.number)
    }
    return match.end
  }

  /// `dest_port` among the members of the destination, where files have it.
  @inline(never)
  static func scanDestinationPort(_ bytes: RawSpan, _ start: Int, _ line: inout Line) -> Int {
    let end = scanPort(bytes, start, &line.facts.port)
    line.destination.runEnd = end
    line.destination.port = CalicoEndMemo.Piece(start: start, count: end &- start)
    // A run without a number would hide that the port was given.
    if isNull(bytes, start) { line.destination.isScattered = true }
    return end
  }

  /// The members of an end that are looked at only while its run is not known.
  @inline(never)
  static func scanRest(
    of found: inout CalicoEndMemo.Found,
    _ member: CalicoMember,
    _ bytes: RawSpan,
    _ start: Int
  ) -> Int {
    switch member {
    case .sourcePort:
      // Of no use, but it differs from record to record.
      var port: UInt16 = 0
      found.runEnd = scanPort(bytes, start, &port)
      if !isNull(bytes, start) {
        found.port = CalicoEndMemo.Piece(start: start, count: found.runEnd &- start)
      }
    case .sourceType, .destType: found.runEnd = scanValue(bytes, start, &found.type)
    case .sourceLabels, .destLabels: found.runEnd = scanValue(bytes, start, &found.labels)
    default: found.runEnd = scanValue(bytes, start, &found.domains)
    }
    return found.runEnd
  }
}
