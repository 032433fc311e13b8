package import FlowAggregation
import FlowModel
import JSONText

/// Decodes Azure VNet and NSG flow logs: `PT1H.json`, one record per line, flattened records, bare tuples.
///
/// A tuple is a connection whose source opened it; the same connection appears on both ends' interfaces and
/// again as it goes on, so tuples are folded in a ``ConversationTable``. Source: the VPC format
/// document; Azure Network Watcher, "VNet flow logs" and "NSG flow logs".
package struct AzureDecoder: LogDecoder {
  /// The deepest nesting of records in records that is followed.
  private static let maximumDepth = 16

  private var table: ConversationTable
  private var sawTraffic = false

  /// Where a tuple stands.
  private struct Place {
    var rule = ""
    var interface = ""
  }

  /// Makes a decoder for one log.
  package init(options: DecoderOptions) {
    self.init(options: options, capacity: ConversationTable.defaultCapacity)
  }

  /// Makes a decoder that holds at most `capacity` conversation-hours.
  package init(options: DecoderOptions, capacity: Int) {
    table = ConversationTable(capacity: capacity)
  }

  /// Whether the input begins with Azure flow records or bare tuples.
  package static func recognizes(_ start: RawSpan) -> Bool {
    let look = LogStart(start)
    guard look.text.hasPrefix("{") || look.text.hasPrefix("[") else {
      return (try? AzureTuple(String(look.firstLine.trimmingBlanks()))) != nil
    }
    if look.quotes("flowTuples") { return true }
    let isFlow =
      look.quotes("FlowLogFlowEvent") || look.quotes("NetworkSecurityGroupFlowEvent")
      || look.quotes("NetworkSecurityGroupFlowEvents")
    return isFlow && (look.quotes("flowRecords") || look.quotes("flow.0") || look.quotes("records"))
  }

  /// The file that Azure writes for each hour.
  package static var listPaths: [RecordListPath] { [RecordListPath("records", isFirst: true)] }

  /// Yes: records stand for themselves, and conversations are joined at the end.
  package static func sharing(_ options: DecoderOptions) -> LogSharing { .inOrder }

  /// Holds back what may go on from the part before.
  package mutating func resume(after start: RawSpan) { table.holdBackFirst() }

  /// Lets settled conversations go but for the last, which the next part may go on with.
  package mutating func endPart(into accumulator: inout EvidenceAccumulator) {
    table.endPart(into: &accumulator)
  }

  /// Adds what a decoder of the next part of the same log holds.
  package mutating func merge(
    _ later: any LogDecoder,
    lineOffset: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    guard let later = later as? AzureDecoder else { return }
    sawTraffic = sawTraffic || later.sawTraffic
    table.merge(later.table, lineOffset: lineOffset, into: &accumulator)
  }

  /// Decodes one record.
  package mutating func decode(
    _ record: RawSpan,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    let range = record.trimmedRange()
    guard !range.isEmpty else { return }
    if 0x30...0x39 ~= record.byte(at: range.lowerBound) {
      take(record.text(in: range), at: Place(), line: line, into: &accumulator)
      return
    }
    var values: [JSONValue] = []
    do {
      try record.forEachJSONValue { values.append($0) }
    } catch {
      accumulator.reject(line: line, "not JSON: \(error)")
    }
    for value in values {
      guard walk(value, at: Place(), depth: 0, line: line, into: &accumulator) else {
        accumulator.reject(line: line, "not an Azure flow log record")
        continue
      }
    }
  }

  /// Ends the log: judges what began and was never seen to be answered.
  package mutating func finish(into accumulator: inout EvidenceAccumulator) {
    table.finish(into: &accumulator)
    guard sawTraffic, accumulator.resolver == nil else { return }
    accumulator.counts.notes.insert(CloudNotes.needsInventory)
  }
}

// MARK: - Finding tuples

extension AzureDecoder {
  /// Takes all tuples inside a value, however the records are nested.
  ///
  /// - Returns: Whether there was any place for tuples.
  private mutating func walk(
    _ value: JSONValue,
    at place: Place,
    depth: Int,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) -> Bool {
    guard depth <= AzureDecoder.maximumDepth else { return false }
    var found = false
    switch value {
    case .array(let elements):
      for element in elements
      where walk(element, at: place, depth: depth + 1, line: line, into: &accumulator) {
        found = true
      }
      // A file without records is still a file of this format.
      return found || elements.isEmpty
    case .object(let object):
      var place = place
      if let rule = object["rule"]?.string { place.rule = rule }
      if let interface = object["mac"]?.string ?? object["macAddress"]?.string {
        place.interface = interface
      }
      for member in object.members {
        if member.key == "flowTuples" {
          found = true
          take(member.value.array ?? [], at: place, line: line, into: &accumulator)
        } else if member.key.hasPrefix("flow."), let tuple = member.value.string {
          found = true
          take(tuple, at: place, line: line, into: &accumulator)
        } else if AzureDecoder.containers.contains(member.key),
          walk(member.value, at: place, depth: depth + 1, line: line, into: &accumulator)
        {
          found = true
        }
      }
      return found
    default: return false
    }
  }

  private static let containers: Set<String> = [
    "records", "properties", "flowRecords", "flows", "flowGroups",
  ]

  private mutating func take(
    _ tuples: [JSONValue],
    at place: Place,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    for tuple in tuples {
      if let text = tuple.string {
        take(text, at: place, line: line, into: &accumulator)
      } else {
        accumulator.reject(line: line, "a flow tuple is not a string")
      }
    }
  }
}

// MARK: - Judging tuples

extension AzureDecoder {
  private mutating func take(
    _ text: String,
    at place: Place,
    line: Int,
    into accumulator: inout EvidenceAccumulator
  ) {
    let tuple: AzureTuple
    do {
      tuple = try AzureTuple(text)
    } catch {
      accumulator.reject(line: line, error.text)
      return
    }
    accumulator.sawRecord(at: tuple.time)
    if tuple.isEncryptionDrop || AzureDecoder.isTranslationNoise(tuple) {
      accumulator.discard(.nonPolicyDrop)
      return
    }
    sawTraffic = true
    if tuple.state == .allowedWithoutState {
      accumulator.counts.notes.insert(CloudNotes.withoutCounters)
    }
    // Connections that the platform picks up again under its own rules may stand the wrong way round.
    let isPlatform = place.rule.utf8.prefix(8).elementsEqual("platform".utf8) { $0 | 0x20 == $1 }
    var marks: ConversationMarks = isPlatform && tuple.state != .begin ? [] : [.stated]
    if tuple.state != .denied {
      marks.formUnion([.accepted, .beyondReset, .payload])
      if tuple.packetsReceived > 0, tuple.packetsSent > 0 { marks.insert(.complete) }
    }
    table.add(
      ConversationRecord(
        source: tuple.source,
        destination: tuple.destination,
        sourcePort: tuple.sourcePort,
        destinationPort: tuple.destinationPort,
        transport: tuple.transport,
        marks: marks,
        isRejected: tuple.state == .denied,
        bytes: tuple.bytesSent.addingReportingOverflow(tuple.bytesReceived).partialValue,
        start: tuple.time,
        end: tuple.time,
        capture: NameHash.of(place.interface),
        // Pods of an overlay network leave their node with its address.
        nodesMayBePods: true
      ),
      line: line,
      into: &accumulator
    )
  }

  /// Probes from the internet to ports of outbound translation, which the platform refuses by itself.
  private static func isTranslationNoise(_ tuple: AzureTuple) -> Bool {
    tuple.state == .denied && tuple.isInbound && !tuple.source.isPrivate
      && tuple.destinationPort >= 1024
  }
}
