import FlowModel
import JSONText

/// Knows the ends of records that were seen before, by the raw bytes of their members.
///
/// A memo of what the ends are as the accumulator has them belongs to one accumulator.
struct CalicoEndMemo: Sendable {
  /// A stretch of a record's bytes; empty for a member that is missing or `null`.
  struct Piece {
    var start = 0
    var count = 0
  }

  /// The members of one end, as found in a line.
  struct Found {
    /// `*_name`, `*_name_aggr`, `*_namespace`, `*_type`, `*_labels`, `*_ip` and `dest_domains`.
    var name = Piece()
    var aggregate = Piece()
    var namespace = Piece()
    var type = Piece()
    var labels = Piece()
    var address = Piece()
    var domains = Piece()
    /// The number of a known end; -1 until it is known.
    var known = -1
    /// Where the first of the members that stand together starts; 0 when none was seen.
    var runStart = 0
    /// The offset behind the last of them.
    var runEnd = 0
    /// The port among them.
    var port = Piece()
    /// The hash of name and namespace, 0 until both are known.
    var hash: UInt64 = 0
    /// Whether members of other kinds stand between them.
    var isScattered = false
  }

  /// What an end came to in the accumulator.
  enum Form: UInt8 {
    /// Not looked at yet.
    case unsettled
    /// The same endpoint at any time.
    case fixed
    /// To be looked at for every record.
    case changing
    /// Nothing usable is known of it.
    case nothing
  }

  /// What a record's hot path needs of an end.
  struct Known {
    var kind: CalicoEnd.Kind
    var form = Form.unsettled
    /// Whether it has an aggregated name, and whether it has any.
    var hasAggregate = false
    var hasName = false
    /// Whether its fixed endpoint is a pod.
    var isPod = false
    /// The cluster it was settled for.
    var cluster: UInt32 = 0
    /// Its fixed endpoint's index.
    var index: UInt32 = 0
    /// Stands for the pod's own name and namespace; 0 when the name is not its own.
    var pod: UInt32 = 0
  }

  /// The most ends remembered.
  private static let mostEnds = 32_768

  /// What is known of each end.
  var known: [Known] = []
  /// The ends as read, in the same order.
  private(set) var ends: [CalicoEnd] = []
  private var pods: [String: UInt32] = [:]
  private var memo: ByteMemo
  private var runs: (source: CalicoTemplates, destination: CalicoTemplates)
  private var pieces: [UInt8] = []
  private var labelKeys = LabelKeyMemo(judge: CalicoEndMemo.use(of:))

  /// Makes a memo that takes about `limit` bytes for each of its parts.
  init(limit: Int) {
    memo = ByteMemo(limit: limit)
    runs = (CalicoTemplates(limit: limit), CalicoTemplates(limit: limit))
  }

  /// Forgets what the ends are in an accumulator.
  mutating func unsettle() {
    for index in known.indices { known[index].form = .unsettled }
  }

  /// Forgets everything.
  private mutating func removeAll() {
    known.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    pods.removeAll()
    memo.removeAll()
    runs.source.removeAll()
    runs.destination.removeAll()
  }

  /// Makes room for two more ends, so that numbers handed out for a record stay good while it is settled.
  @inline(__always)
  mutating func makeRoom() {
    if known.count > CalicoEndMemo.mostEnds - 2 { removeAll() }
  }

  // MARK: Runs

  /// Looks for the members of an end that stand together, once its name and namespace are known.
  @inline(__always)
  func findRun(
    _ bytes: RawSpan,
    isDestination: Bool,
    _ found: inout Found,
    _ match: inout CalicoTemplates.Match
  ) -> Bool {
    let name = found.aggregate.count > 0 ? found.aggregate : found.name
    guard found.hash == 0, !found.isScattered, name.count > 0, found.namespace.count > 0 else {
      return false
    }
    let hash =
      bytes.mixed(
        found.namespace.start,
        count: found.namespace.count,
        seed: bytes.mixed(name.start, count: name.count, seed: 1)
      ) | 1
    found.hash = hash
    return isDestination
      ? runs.destination.find(bytes, found.runStart, hash: hash, &match)
      : runs.source.find(bytes, found.runStart, hash: hash, &match)
  }

  // MARK: Ends

  /// The number of an end whose record is valid JSON as a whole; -1 when its members are not as usual.
  @inline(never)
  mutating func find(_ found: Found, isDestination: Bool, _ bytes: RawSpan) -> Int {
    var copy: [UInt8] = []
    swap(&copy, &pieces)
    defer { swap(&copy, &pieces) }
    copy.removeAll(keepingCapacity: true)
    // Only a destination has names; else the same members mean the same on both sides.
    let group: UInt32 = isDestination && found.domains.count > 0 ? 1 : 0
    for piece in [
      found.name, found.aggregate, found.namespace, found.type, found.labels, found.address,
      found.domains,
    ] {
      // The length in front, so that no two ends have the same bytes; whole words for the hash.
      copy.append(word: UInt64(piece.count))
      copy.append(bytes, piece.start, count: piece.count)
      copy.append(contentsOf: repeatElement(0, count: -piece.count & 7))
    }
    // The span of the copy lives for these calls only.
    let hash = unsafe ByteMemo.hash(copy.span.bytes, 0, count: copy.count, group: group)
    if let known = unsafe memo.value(
      copy.span.bytes,
      0,
      count: copy.count,
      group: group,
      hash: hash
    ) {
      // Seen twice: the next time its members may be found together.
      if found.hash != 0, !found.isScattered {
        insertRun(found, isDestination: isDestination, UInt32(known), bytes)
      }
      return Int(known)
    }
    guard let end = read(found, bytes) else {
      return -1
    }
    unsafe memo.insert(
      UInt64(ends.count),
      copy.span.bytes,
      0,
      count: copy.count,
      group: group,
      hash: hash
    )
    var fresh = Known(kind: end.kind)
    fresh.hasAggregate = found.aggregate.count > 0
    fresh.hasName = found.name.count > 0
    if end.kind == .workload, !end.fullName.isEmpty {
      // No text that a scanner takes holds a line feed.
      let pod = "\(end.namespace)\n\(end.fullName)"
      fresh.pod = pods[pod] ?? UInt32(pods.count + 1)
      pods[pod] = fresh.pod
    }
    known.append(fresh)
    ends.append(end)
    return ends.count - 1
  }

  private mutating func insertRun(
    _ found: Found,
    isDestination: Bool,
    _ known: UInt32,
    _ bytes: RawSpan
  ) {
    let (start, end, hash) = (found.runStart, found.runEnd, found.hash)
    let number = found.port.start..<found.port.start + found.port.count
    if isDestination {
      runs.destination.insert(known, bytes, start, end: end, number: number, hash: hash)
    } else {
      runs.source.insert(known, bytes, start, end: end, number: number, hash: hash)
    }
  }

  /// Reads the members as the ordinary decoder does.
  private mutating func read(_ found: Found, _ bytes: RawSpan) -> CalicoEnd? {
    var members = CalicoTree.EndMembers(
      namespace: CalicoEndMemo.text(bytes, found.namespace),
      name: CalicoEndMemo.text(bytes, found.name),
      aggregatedName: CalicoEndMemo.text(bytes, found.aggregate),
      address: CalicoEndMemo.text(bytes, found.address)
    )
    if found.type.count > 0 {
      guard let type = CalicoEndMemo.value(bytes, found.type) else { return nil }
      members.kind = CalicoTree.kind(type)
    }
    if found.labels.count > 0 {
      if let labels = plainLabels(bytes, found.labels) {
        members.labels = labels
      } else {
        guard let labels = CalicoEndMemo.value(bytes, found.labels) else { return nil }
        members.labels = CalicoTree.labels(labels)
      }
    }
    if found.domains.count > 0 {
      guard let domains = CalicoEndMemo.value(bytes, found.domains) else { return nil }
      members.domains = CalicoTree.domains(domains)
    }
    return CalicoTree.end(of: members)
  }

  /// What a plain string says; nothing for a member that is missing.
  private static func text(_ bytes: RawSpan, _ piece: Piece) -> String {
    guard piece.count > 2 else { return "" }
    let text = String(plain: bytes, from: piece.start + 1, to: piece.start + piece.count - 1)
    return piece.count == 3 ? CalicoTree.meaning(text) : text
  }

  /// Reads a value; strings that are plain, as nearly all are, without a parser.
  private static func value(_ bytes: RawSpan, _ piece: Piece) -> JSONValue? {
    let end = piece.start + piece.count
    if bytes.byte(at: piece.start) == UInt8(ascii: "\""),
      bytes.plainStringEnd(piece.start + 1) == end - 1
    {
      return .string(String(plain: bytes, from: piece.start + 1, to: end - 1))
    }
    return try? JSONParser.parse(bytes.extracting(piece.start..<end))
  }

  /// What becomes of a label.
  private enum Use {
    case stable, templateHash, other
  }

  @Sendable
  private static func use(of key: String) -> Use {
    if key == CalicoLabels.templateHashKey { return .templateHash }
    return VolatileLabels.isDenied(key) ? .other : .stable
  }

  /// Reads the labels of files, which are valid JSON, without a parser; nil when they have another form.
  private mutating func plainLabels(_ bytes: RawSpan, _ piece: Piece) -> CalicoLabels? {
    let end = piece.start + piece.count
    // `{"labels":["`
    guard piece.count > 14, bytes.knownWord(at: piece.start) == 0x736c_6562_616c_227b,
      bytes.knownWord(at: piece.start + 4) == 0x225b_3a22_736c_6562,
      bytes.byte(at: end - 1) == UInt8(ascii: "}"), bytes.byte(at: end - 2) == UInt8(ascii: "]")
    else { return nil }
    var labels = CalicoLabels()
    labelKeys.begin()
    var number = 0
    // At the quote before a label.
    var position = piece.start + 11
    while true {
      guard bytes.byte(at: position) == UInt8(ascii: "\"") else { return nil }
      let start = position + 1
      position = bytes.plainStringEnd(start)
      guard position > start else { return nil }
      var equals = position
      number = labelKeys.key(bytes, start, end: &equals, behind: number)
      guard equals > start, equals < position else { return nil }
      let use = labelKeys[number].use
      if use != .other {
        let value = String(plain: bytes, from: equals + 1, to: position)
        if use == .stable {
          labelKeys.keep(number, value)
        } else {
          labels.templateHash = value
        }
      }
      position += 1
      if position == end - 2 { break }
      guard bytes.byte(at: position) == UInt8(ascii: ",") else { return nil }
      position += 1
    }
    // Of a key given twice the ordinary decoder knows which value counts.
    guard let stable = labelKeys.labels() else { return nil }
    labels.stable = stable
    return labels
  }
}
