package import FlowStorage
import JSONText
package import Rollout

/// Rollout events in the store, as JSON bodies.
package struct RolloutLedger: Sendable {
  private let store: any AuditStore

  /// Makes a ledger on a store.
  package init(store: any AuditStore) { self.store = store }

  /// The state all stored events add up to.
  package func state() async throws -> RolloutState {
    try RolloutState(replaying: try await store.events().map(RolloutLedger.event))
  }

  /// Applies an event to a state that was read before, and stores it with the proposal it rests on,
  /// both or neither.
  ///
  /// - Returns: The new state, and the number of the proposal.
  /// - Throws: ``RolloutError``; ``RolloutError/changedMeanwhile(expected:others:)`` when somebody
  ///   else was faster.
  package func apply(
    _ event: RolloutEvent,
    with proposal: StoredProposal? = nil,
    to state: RolloutState
  ) async throws -> (state: RolloutState, proposal: Int64?) {
    let next = try state.applying(event, expecting: state.version)
    guard let stored = next.history.last else { return (next, nil) }
    do {
      let id = try await store.append(
        [RolloutLedger.stored(stored)],
        with: proposal,
        lastKnown: Int64(state.version)
      )
      return (next, id)
    } catch AuditStoreError.changedMeanwhile(let others) {
      throw RolloutError.changedMeanwhile(
        expected: state.version,
        others: others.map(RolloutLedger.event)
      )
    }
  }

  private static func stored(_ event: RolloutEvent) -> StoredEvent {
    var members: [(key: String, value: JSONValue)] = [("action", .string(event.action.rawValue))]
    if let from = event.from { members.append(("from", .string(from.rawValue))) }
    if let to = event.to { members.append(("to", .string(to.rawValue))) }
    if !event.reason.isEmpty { members.append(("reason", .string(event.reason))) }
    if event.isForced { members.append(("forced", .bool(true))) }
    if !event.unmetGates.isEmpty {
      members.append(("unmet", .array(event.unmetGates.map(JSONValue.string))))
    }
    if let plugin = event.plugin { members.append(("cni", .string(plugin.rawValue))) }
    if let criticality = event.criticality {
      members.append(("criticality", .string(criticality.rawValue)))
    }
    if let policy = event.policy { members.append(("policy", .string(policy))) }
    if let hash = event.proposalHash { members.append(("proposal", .string(hash))) }
    if event.hasDefaultDeny { members.append(("defaultDeny", .bool(true))) }
    if let written = event.written {
      let files: [(key: String, value: JSONValue)] = [
        ("folder", .string(written.folder)), ("hash", .string(written.hash)),
        ("dialect", .string(written.dialect)),
        ("objects", .array(written.objects.map(JSONValue.string))),
      ]
      members.append(("written", .object(JSONObject(files))))
    }
    return StoredEvent(
      id: Int64(event.number),
      time: event.time,
      actor: event.who,
      namespace: event.namespace,
      body: JSONWriter.text(.object(JSONObject(members)))
    )
  }

  private static func event(_ stored: StoredEvent) -> RolloutEvent {
    let body = (try? JSONParser.parse(stored.body)) ?? .null
    var event = RolloutEvent(
      time: stored.time,
      who: stored.actor,
      action: body["action"]?.string.flatMap(RolloutAction.init) ?? .advance,
      namespace: stored.namespace,
      from: body["from"]?.string.flatMap(RolloutStage.init),
      to: body["to"]?.string.flatMap(RolloutStage.init),
      reason: body["reason"]?.string ?? ""
    )
    event.number = Int(stored.id)
    event.isForced = body["forced"]?.bool ?? false
    event.unmetGates = body["unmet"]?.array?.compactMap(\.string) ?? []
    event.plugin = body["cni"]?.string.flatMap(RolloutPlugin.init)
    event.criticality = body["criticality"]?.string.flatMap(Criticality.init)
    event.policy = body["policy"]?.string
    event.proposalHash = body["proposal"]?.string
    event.hasDefaultDeny = body["defaultDeny"]?.bool ?? false
    if let written = body["written"], let folder = written["folder"]?.string,
      let hash = written["hash"]?.string
    {
      event.written = WrittenStep(
        folder: folder,
        hash: hash,
        dialect: written["dialect"]?.string ?? "",
        objects: written["objects"]?.array?.compactMap(\.string) ?? []
      )
    }
    return event
  }
}
