import FlowModel
import JSONText

/// A decision of the AWS network policy agent, before it is judged.
struct AWSPolicyAgentRecord {
  enum Verdict { case accept, deny, bookkeeping }

  var source: IPAddress
  var destination: IPAddress
  var sourcePort: UInt16
  var destinationPort: UInt16
  /// nil for ICMP and what the agent calls unknown, reserved or any.
  var transport: TransportProtocol?
  var verdict: Verdict
  /// The pod's direction, nil in the forms that do not say.
  var direction: Direction?
  /// Whether the agent had no state for the pod and so decided nothing.
  var isError: Bool
  /// Whether the sender is the node that wrote the line.
  var isFromOwnNode = false
}

/// What a text of the agent's log is.
enum AWSPolicyAgentLine {
  /// A decision.
  case flow(AWSPolicyAgentRecord)
  /// A line about something else.
  case unrelated
  /// A decision that cannot be read.
  case bad(String)
}

/// The named values of a line, in whichever of the four forms.
private struct AgentValues {
  var source: Substring?
  var destination: Substring?
  var sourcePort: Substring?
  var destinationPort: Substring?
  var transport: Substring?
  var verdict: Substring?
  var direction: Substring?
  var tier: Substring?

  func line() -> AWSPolicyAgentLine {
    guard let from = source.flatMap({ IPAddress($0) }) else { return .bad("no source address") }
    guard let to = destination.flatMap({ IPAddress($0) }) else {
      return .bad("no destination address")
    }
    guard let sourcePort = sourcePort.flatMap({ UInt16($0) }),
      let destinationPort = destinationPort.flatMap({ UInt16($0) })
    else { return .bad("no port") }
    guard let transport else { return .bad("no protocol") }
    let decided: AWSPolicyAgentRecord.Verdict
    switch verdict {
    case "ACCEPT": decided = .accept
    case "DENY": decided = .deny
    case "EXPIRED/DELETED": decided = .bookkeeping
    case nil: return .bad("no verdict")
    default: return .bad("unknown verdict")
    }
    let heading: Direction?
    switch direction {
    case "ingress": heading = .ingress
    case "egress": heading = .egress
    case nil: heading = nil
    default: return .bad("unknown direction")
    }
    let known = TransportProtocol(transport)
    return .flow(
      AWSPolicyAgentRecord(
        source: from,
        destination: to,
        sourcePort: sourcePort,
        destinationPort: destinationPort,
        transport: known.flatMap { $0.hasPorts ? $0 : nil },
        verdict: decided,
        direction: heading,
        isError: tier == "ERROR"
      )
    )
  }
}

// MARK: - The four forms

extension AWSPolicyAgentLine {
  /// Reads a JSON line of the agent's file.
  static func read(_ object: JSONValue) -> AWSPolicyAgentLine {
    guard let message = object.first("msg", "message")?.string else { return .unrelated }
    guard message.hasPrefix("Flow Info:") else {
      return message.contains("PolicyVerdict:") ? read(cloudWatch: message) : .unrelated
    }
    guard object["Src IP"] != nil || object["Dest IP"] != nil else { return read(text: message) }
    func text(_ key: String) -> Substring? {
      switch object[key] {
      case .string(let text): Substring(text)
      case .number(let text): Substring(text)
      default: nil
      }
    }
    var values = AgentValues()
    values.source = text("Src IP")
    values.destination = text("Dest IP")
    values.sourcePort = text("Src Port")
    values.destinationPort = text("Dest Port")
    values.transport = text("Proto")
    values.verdict = text("Verdict")
    values.direction = text("Direction")
    values.tier = text("Tier")
    return values.line()
  }

  /// Reads `Flow Info: Src IP: … Src Port: … Dest IP: … Proto[:] … Verdict[:] … [Direction …[,] [Tier: …]]`.
  static func read(text: String) -> AWSPolicyAgentLine {
    let words = text.utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      .map { Substring($0) }
    var values = AgentValues()
    var index = 0
    func label(_ index: Int) -> Substring {
      guard index < words.count else { return "" }
      return words[index].withoutLast(UInt8(ascii: ":"))
    }
    while index + 1 < words.count {
      let isPair = label(index) == "Src" || label(index) == "Dest"
      let position = isPair ? index + 2 : index + 1
      guard position < words.count else { break }
      // A colon may end an IPv6 address; a comma never ends a value.
      let value = words[position].withoutLast(UInt8(ascii: ","))
      switch (label(index), isPair ? label(index + 1) : "") {
      case ("Src", "IP"): values.source = value
      case ("Src", "Port"): values.sourcePort = value
      case ("Dest", "IP"): values.destination = value
      case ("Dest", "Port"): values.destinationPort = value
      case ("Proto", _): values.transport = value
      case ("Verdict", _): values.verdict = value
      case ("Direction", _): values.direction = value
      case ("Tier", _): values.tier = value
      default:
        index += 1
        continue
      }
      index = position + 1
    }
    return values.line()
  }

  /// Reads `Node: …;SIP: …;SPORT: …;DIP: …;DPORT: …;PROTOCOL: …;PolicyVerdict: …[;Tier: …]`.
  static func read(cloudWatch text: String) -> AWSPolicyAgentLine {
    var values = AgentValues()
    var node: Substring = ""
    for part in text.utf8.split(separator: UInt8(ascii: ";")) {
      // A blank follows the colon of a name, but not those of a time before it or of an address.
      guard
        let colon = part.indices.first(where: {
          part[$0] == UInt8(ascii: ":") && part[$0...].dropFirst().first == UInt8(ascii: " ")
        })
      else { continue }
      let name = Substring(
        part[..<colon].split(separator: UInt8(ascii: " ")).last ?? part[..<part.startIndex]
      )
      let value = Substring(part[part.index(after: colon)...]).trimmingBlanks()
      switch name {
      case "Node": node = value
      case "SIP": values.source = value
      case "SPORT": values.sourcePort = value
      case "DIP": values.destination = value
      case "DPORT": values.destinationPort = value
      case "PROTOCOL": values.transport = value
      case "PolicyVerdict": values.verdict = value
      case "Tier": values.tier = value
      default: continue
      }
    }
    guard case .flow(var record) = values.line() else { return values.line() }
    record.isFromOwnNode = nodeAddress(node) == record.source
    return .flow(record)
  }

  /// The address in a node's name `ip-10-0-64-172.….compute.internal`.
  private static func nodeAddress(_ name: Substring) -> IPAddress? {
    guard name.hasPrefix("ip-") else { return nil }
    let host = name.dropFirst(3).prefix { $0 != "." }
    return IPAddress(String(host.map { $0 == "-" ? "." : $0 }))
  }
}

extension Substring {
  /// The text without blanks at both ends.
  func trimmingBlanks() -> Substring {
    var part = utf8
    while let first = part.first, Substring.isBlank(first) { part.removeFirst() }
    while let last = part.last, Substring.isBlank(last) { part.removeLast() }
    return Substring(part)
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0d
  }

  /// The text without a byte at its end, if that is there.
  fileprivate func withoutLast(_ byte: UInt8) -> Substring {
    utf8.last == byte ? Substring(utf8.dropLast()) : self
  }
}
