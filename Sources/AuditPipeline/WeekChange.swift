package import FlowAggregation
import FlowModel
import PolicySynthesis
import Rollout

/// Something accepted that a week saw for the first time, or did not see again.
package struct WeekChange: Sendable {
  /// The connection; that of a port open to the world has ``world`` for its peer.
  package var key: ConnectionKey
  /// The class, counts, times and marks of all it stands for.
  package var connection: ObservedConnection
  /// How many peers were seen of a port that is open to the world; nil for anything else.
  package var peerCount: Int?

  /// The peer of a port that is open to the world, in words.
  package static let world = "world"
}

extension ProposeResult {
  /// Accepted connections that the window's week saw for the first time; none where there is no week
  /// before it to compare with.
  ///
  /// A port open to the world is one of them, new where none of its peers was seen before: who else
  /// came is nothing new.
  package var new: [WeekChange] {
    guard let start = comparedFrom else { return [] }
    return comparable.filter { $0.connection.tally.firstMicroseconds >= start }
  }

  /// Accepted connections that the window's week did not see again, told like ``new``.
  package var notSeenAgain: [WeekChange] {
    guard let start = comparedFrom else { return [] }
    return comparable.filter { $0.connection.tally.lastMicroseconds < start }
  }

  /// The start of the week where the window holds weeks before it.
  private var comparedFrom: Int64? {
    guard let week = window.week, window.window.start < week.window.start else { return nil }
    return week.window.start
  }

  /// The accepted connections in order, those of a port open to the world as one in place of the first.
  private var comparable: [WeekChange] {
    var changes: [WeekChange] = []
    var position: [ConnectionKey: Int] = [:]
    for (index, connection) in observed.filter(\.isAccepted).enumerated() {
      guard proposal.worldConnections.contains(index) else {
        changes.append(WeekChange(key: connection.key, connection: connection))
        continue
      }
      var key = connection.key
      if case .other = connection.source {
        key.source = WeekChange.world
      } else {
        key.destination = WeekChange.world
      }
      if let known = position[key] {
        changes[known].join(connection)
      } else {
        position[key] = changes.count
        changes.append(WeekChange(key: key, connection: connection, peerCount: 1))
      }
    }
    return changes
  }
}

extension WeekChange {
  /// Adds another peer of the same port.
  fileprivate mutating func join(_ other: ObservedConnection) {
    peerCount = (peerCount ?? 1) + 1
    let tally = other.tally
    connection.tally.records += tally.records
    connection.tally.firstMicroseconds = min(
      connection.tally.firstMicroseconds,
      tally.firstMicroseconds
    )
    connection.tally.lastMicroseconds = max(
      connection.tally.lastMicroseconds,
      tally.lastMicroseconds
    )
    connection.marks = Set(connection.marks + other.marks).sorted()
    if other.evidence == .wouldDeny { connection.evidence = .wouldDeny }
  }
}
