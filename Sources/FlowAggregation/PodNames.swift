import FlowModel

/// The pods' names that a log gives beside their labels, for records that give the name alone.
///
/// Few logs have such records, so names are only noted while it is read, and looked at when it ends.
struct PodNames: Sendable {
  /// The most names that are kept.
  private static let most = 65_536

  private struct Note: Sendable {
    var start: UInt32
    var count: UInt32
    /// The pod's endpoint.
    var index: UInt32
  }

  private struct Key: Hashable {
    var namespace: String
    var name: String
  }

  private var bytes: [UInt8] = []
  private var notes: [Note] = []
  private var isFull = false

  /// Notes that an endpoint's pod has a name, given as UTF-8.
  @inline(__always)
  mutating func note(_ name: RawSpan, of index: UInt32, in endpoints: [Endpoint]) {
    if notes.count >= PodNames.most * 2 { compact(endpoints) }
    guard !isFull, bytes.count + name.byteCount <= Int(UInt32.max) else { return }
    notes.append(
      Note(start: UInt32(bytes.count), count: UInt32(name.byteCount), index: index)
    )
    // The pointer is used inside the closure only.
    unsafe name.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  /// Notes what another log's part noted, whose endpoints have other indices here.
  mutating func merge(_ other: PodNames, indices: [UInt32], in endpoints: [Endpoint]) {
    for note in other.notes {
      // The span lives as long as the other's bytes.
      let name = unsafe other.bytes.span.bytes.extracting(other.range(note))
      self.note(name, of: indices[Int(note.index)], in: endpoints)
    }
  }

  /// The endpoints of the pods that are known by a name only and whose name was noted: their indices, and those
  /// of the endpoints they are.
  func known(_ endpoints: [Endpoint]) -> [UInt32: UInt32] {
    let bare = endpoints.indices.filter { endpoints[$0].isKnownByNameOnly }
    guard !bare.isEmpty else { return [:] }
    let owners = owners(endpoints)
    var known: [UInt32: UInt32] = [:]
    for index in bare {
      let key = Key(namespace: endpoints[index].namespace, name: endpoints[index].name)
      if let owner = owners[key], owner.index != UInt32(index) {
        known[UInt32(index)] = owner.index
      }
    }
    return known
  }

  private func range(_ note: Note) -> Range<Int> {
    Int(note.start)..<Int(note.start) + Int(note.count)
  }

  /// The endpoint of each name: one with an owner, worth more than a set of labels alone, and of those the first
  /// by their order.
  private func owners(_ endpoints: [Endpoint]) -> [Key: Note] {
    var owners: [Key: Note] = [:]
    for note in notes {
      guard let name = String(validating: bytes[range(note)], as: UTF8.self) else { continue }
      let endpoint = endpoints[Int(note.index)]
      let key = Key(namespace: endpoint.namespace, name: name)
      if let known = owners[key] {
        let other = endpoints[Int(known.index)]
        let isOwned = (endpoint.workload != nil, other.workload != nil)
        guard isOwned.0 == isOwned.1 ? endpoint < other : isOwned.0 else { continue }
      }
      owners[key] = note
    }
    return owners
  }

  /// Drops what was noted again.
  private mutating func compact(_ endpoints: [Endpoint]) {
    let kept = owners(endpoints).values.sorted { $0.start < $1.start }.prefix(PodNames.most)
    isFull = kept.count == PodNames.most
    let old = bytes
    bytes = []
    notes = kept.map { note in
      let start = bytes.count
      bytes.append(contentsOf: old[range(note)])
      return Note(start: UInt32(start), count: note.count, index: note.index)
    }
  }
}

extension Endpoint {
  /// Whether it is a pod whose labels and owner no record gave.
  fileprivate var isKnownByNameOnly: Bool {
    kind == .pod && !name.isEmpty && labels.isEmpty && workload == nil
  }
}
