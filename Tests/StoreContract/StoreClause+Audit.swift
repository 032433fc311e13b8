import FlowStorage
import Testing

private func event(_ id: Int64) -> StoredEvent {
  StoredEvent(id: id, time: id * 10, actor: "ann", namespace: "shop", body: #"{"n":\#(id)}"#)
}

private func policy(_ kind: String, _ name: String, seen: Int64 = 5) -> StoredPolicy {
  StoredPolicy(kind: kind, namespace: "shop", name: name, manifest: "kind: \(kind)", seen: seen)
}

extension StoreClause {
  static let audit = [
    StoreClause("Rollout steps come back in order") { store in
      try await store.append([event(1), event(2)], lastKnown: 0)
      try await store.append([event(3)], lastKnown: 2)
      #expect(try await store.events() == [event(1), event(2), event(3)])
    },
    StoreClause("A step that somebody else stored first is given instead") { store in
      try await store.append([event(1)], lastKnown: 0)
      await #expect(throws: AuditStoreError.changedMeanwhile([event(1)])) {
        try await store.append([event(1)], lastKnown: 0)
      }
      #expect(try await store.events() == [event(1)])
    },
    StoreClause("Decisions are only added to") { store in
      func decision(_ verdict: String, until: Int64?) -> StoredDecision {
        StoredDecision(
          source: "shop/web'",
          destination: "8.8.8.8",
          transport: "UDP",
          port: 65535,
          verdict: verdict,
          reason: "because \"x\"",
          actor: "ann",
          time: 7,
          until: until
        )
      }
      try await store.append([decision("accept", until: nil), decision("undo", until: 9)])
      try await store.append([decision("reject", until: nil)])
      let found = try await store.decisions()
      #expect(found.map(\.verdict) == ["accept", "undo", "reject"])
      #expect(found.map(\.id) == [1, 2, 3])
      var second = decision("undo", until: 9)
      second.id = 2
      #expect(found[1] == second)
    },
    StoreClause("Proposals are kept by namespace, oldest first") { store in
      func proposal(_ namespace: String, week: Int) -> StoredProposal {
        StoredProposal(
          namespace: namespace,
          week: week,
          since: 1,
          until: 2,
          dialect: "cilium",
          yaml: "a: 'b'",
          yamlHash: "ff",
          evidence: "{}",
          actor: "ann",
          time: 3
        )
      }
      for (namespace, week) in [("shop", 1), ("data", 1), ("shop", 2)] {
        _ = try await store.save(proposal(namespace, week: week))
      }
      #expect(try await store.proposals(namespace: nil).map(\.id) == [1, 2, 3])
      var second = proposal("shop", week: 2)
      second.id = 3
      #expect(try await store.proposals(namespace: "shop").last == second)
      #expect(try await store.proposals(namespace: "none").isEmpty)
      #expect(
        try await store.firstProposals() == [
          ProposalWindow(namespace: "data", week: 1, since: 1, until: 2),
          ProposalWindow(namespace: "shop", week: 1, since: 1, until: 2),
        ]
      )
    },
    StoreClause("A step and its proposal are stored together or not at all") { store in
      let proposal = StoredProposal(
        namespace: "shop",
        week: 0,
        since: 1,
        until: 2,
        dialect: "kubernetes",
        yaml: "a",
        yamlHash: "ff",
        evidence: "{}",
        actor: "ann",
        time: 3
      )
      let kept = try await store.append([event(1)], with: proposal, lastKnown: 0)
      #expect(kept == 1)
      let none = try await store.append([event(2)], with: nil, lastKnown: 1)
      #expect(none == nil)
      await #expect(throws: AuditStoreError.changedMeanwhile([event(2)])) {
        try await store.append([event(2)], with: proposal, lastKnown: 1)
      }
      #expect(try await store.proposals(namespace: nil).map(\.id) == [1])
      // Of no audit week: it fixes no start.
      #expect(try await store.firstProposals().isEmpty)
    },
    StoreClause("The inventory is replaced whole and comes in order") { store in
      func object(_ name: String, first: Int64) -> StoredObject {
        StoredObject(
          kind: "Pod",
          namespace: "shop",
          name: name,
          uid: "",
          body: "{}",
          firstSeen: first,
          lastSeen: first + 1
        )
      }
      let headers = [2, 1].map { StoredSnapshot(time: $0, header: "{}") }
      let objects = [object("b", first: 1), object("a", first: 2), object("a", first: 1)]
      try await store.replaceInventory(headers: headers, objects: [object("c", first: 1)])
      try await store.replaceInventory(headers: headers, objects: objects)
      let found = try await store.inventory()
      #expect(found.headers.map(\.time) == [1, 2])
      #expect(found.objects == objects)
      try await store.replaceInventory(headers: [], objects: [])
      let emptied = try await store.inventory()
      #expect(emptied.headers.isEmpty && emptied.objects.isEmpty)
    },
    StoreClause("Live policies are replaced by kind") { store in
      try await store.replaceLivePolicies([policy("B", "y"), policy("A", "x")], seen: 5)
      try await store.replaceLivePolicies([policy("B", "z")], seen: 6)
      #expect(try await store.livePolicies() == [policy("A", "x"), policy("B", "z", seen: 6)])
      try await store.replaceLivePolicies([], seen: 7)
      #expect(try await store.livePolicies().count == 2)
    },
  ]
}
