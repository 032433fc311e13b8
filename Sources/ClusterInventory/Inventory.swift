import FlowModel

/// One state of an object and the snapshots that showed it.
package struct InventoryRecord: Hashable, Sendable {
  /// The object as it was.
  package var object: InventoryObject
  /// The time of the first snapshot with this state, microseconds UTC.
  package var first: Int64
  /// The time of the last snapshot with this state, microseconds UTC.
  package var last: Int64

  /// Makes a record.
  package init(object: InventoryObject, first: Int64, last: Int64) {
    self.object = object
    self.first = first
    self.last = last
  }
}

/// What is known of one cluster over time: any number of snapshots merged.
///
/// Headers and records are what a store keeps; the records of one object never overlap in time.
package struct Inventory: Sendable {
  /// The cluster's name, empty when the user gave none.
  package let cluster: String
  /// The snapshots, oldest first.
  package private(set) var headers: [SnapshotHeader]
  /// The states of all objects, sorted by identity, then time.
  package private(set) var records: [InventoryRecord] = []
  /// Which of the records are the states of one object.
  private var objects: [(identity: ObjectIdentity, states: Range<Int>)] = []

  /// Makes an inventory from what was stored, in any order.
  package init(
    cluster: String = "",
    headers: [SnapshotHeader] = [],
    records: [InventoryRecord] = []
  ) {
    self.cluster = cluster
    self.headers = headers.sorted { $0.time < $1.time }
    arrange(records)
  }

  /// Adds a snapshot; one that is there already changes nothing.
  package mutating func add(_ snapshot: InventorySnapshot) {
    let time = snapshot.header.time
    if let known = headers.firstIndex(where: { $0.time == time }) {
      headers[known].merge(snapshot.header)
    } else {
      headers.insert(
        snapshot.header,
        at: headers.firstIndex { $0.time > time } ?? headers.count
      )
    }
    let before = headers.last { $0.time < time }?.time
    let after = headers.first { $0.time > time }?.time
    var states: [ObjectIdentity: [InventoryRecord]] = [:]
    for record in records { states[record.object.identity, default: []].append(record) }
    for object in snapshot.objects {
      let identity = object.identity
      states[identity] = Inventory.inserting(
        object,
        at: time,
        before: before,
        after: after,
        into: states[identity] ?? []
      )
    }
    arrange(states.values.flatMap { $0 })
  }

  /// The states of one object with another sighting: other states give way at that time.
  private static func inserting(
    _ object: InventoryObject,
    at time: Int64,
    before: Int64?,
    after: Int64?,
    into states: [InventoryRecord]
  ) -> [InventoryRecord] {
    var result: [InventoryRecord] = []
    for state in states {
      guard state.first <= time, time <= state.last else {
        result.append(state)
        continue
      }
      if state.object == object { return states }
      if state.first < time {
        result.append(
          InventoryRecord(
            object: state.object,
            first: state.first,
            last: max(state.first, before ?? state.first)
          )
        )
      }
      if state.last > time {
        result.append(
          InventoryRecord(
            object: state.object,
            first: min(state.last, after ?? state.last),
            last: state.last
          )
        )
      }
    }
    result.append(InventoryRecord(object: object, first: time, last: time))
    result.sort { $0.first < $1.first }
    var merged: [InventoryRecord] = []
    for state in result {
      if let previous = merged.last, previous.object == state.object {
        merged[merged.count - 1].last = max(previous.last, state.last)
      } else {
        merged.append(state)
      }
    }
    return merged
  }

  /// Takes records in any order.
  private mutating func arrange(_ given: [InventoryRecord]) {
    let identities = given.map(\.object.identity)
    func precedes(_ left: Int, _ right: Int) -> Bool {
      identities[left] != identities[right]
        ? identities[left] < identities[right] : given[left].first < given[right].first
    }
    // What was stored is in order mostly.
    let isSorted = given.indices.dropFirst().allSatisfy { !precedes($0, $0 - 1) }
    let order = isSorted ? Array(given.indices) : given.indices.sorted(by: precedes)
    records = isSorted ? given : order.map { given[$0] }
    objects = []
    for (position, index) in order.enumerated() {
      if let last = objects.last, last.identity == identities[index] {
        objects[objects.count - 1].states = last.states.lowerBound..<position + 1
      } else {
        objects.append((identities[index], position..<position + 1))
      }
    }
  }

  /// Calls `body` with the states of each object, oldest first.
  func forEachObject(_ body: (ObjectIdentity, ArraySlice<InventoryRecord>) -> Void) {
    for object in objects { body(object.identity, records[object.states]) }
  }

  /// The time of the first snapshot after `time` that would show the object and does not.
  ///
  /// - Parameter time: The last snapshot that shows it.
  func firstAbsence(of identity: ObjectIdentity, after time: Int64) -> Int64? {
    headers.first {
      $0.time > time && $0.covers(kind: identity.kind, namespace: identity.namespace)
    }?.time
  }
}
