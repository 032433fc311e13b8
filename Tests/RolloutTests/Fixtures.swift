import FlowModel
import Rollout

/// A time by its RFC 3339 text.
func at(_ text: String) -> Int64 { Timestamps.parse(text) ?? Int64.min }

let hour = Timestamps.hour
let day = Timestamps.day

/// Hours with records from one time to another, some left out.
func capture(
  from start: Int64,
  to end: Int64,
  without holes: [Range<Int64>] = [],
  lost: Int64 = 0
) -> CaptureLog {
  CaptureLog(
    stride(from: start, to: end, by: Int(hour)).filter { time in
      !holes.contains { $0.contains(time) }
    }.map {
      CapturedHour(
        hour: Timestamps.floor($0, to: hour) / hour,
        records: 100,
        lost: lost
      )
    }
  )
}

/// Events one after another, by one person.
struct Script {
  var state = RolloutState()
  var who = "ann"

  mutating func start(_ namespace: String, _ time: Int64, plugin: RolloutPlugin = .cilium) throws {
    var event = RolloutEvent(
      time: time,
      who: who,
      action: .start,
      namespace: namespace,
      from: .assess,
      to: .audit
    )
    event.plugin = plugin
    state = try state.applying(event)
  }

  mutating func set(_ namespace: String, _ criticality: Criticality, _ time: Int64) throws {
    var event = RolloutEvent(
      time: time,
      who: who,
      action: .setCriticality,
      namespace: namespace
    )
    event.criticality = criticality
    state = try state.applying(event)
  }

  mutating func advance(_ namespace: String, _ time: Int64) throws {
    let stage = state[namespace].stage
    state = try state.applying(
      RolloutEvent(
        time: time,
        who: who,
        action: .advance,
        namespace: namespace,
        from: stage,
        to: stage.next
      )
    )
  }

  mutating func act(
    _ action: RolloutAction,
    _ namespace: String,
    _ time: Int64,
    reason: String = ""
  ) throws {
    let stage = state[namespace].stage
    let moves = action == .rollback
    state = try state.applying(
      RolloutEvent(
        time: time,
        who: who,
        action: action,
        namespace: namespace,
        from: moves ? stage : nil,
        to: moves ? .audit : nil,
        reason: reason
      )
    )
  }
}
