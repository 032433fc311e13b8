import FlowAggregation
import FlowModel
import FlowStorage
import Testing

private let noonHour = BatchBuilder.noon / Timestamps.hour

extension StoreClause {
  static let ledger = [
    StoreClause("The ledger says what became of an input") { store in
      var builder = BatchBuilder()
      builder.add(BatchBuilder.pod("web"), BatchBuilder.pod("api"))
      builder.discard(.reply, count: 4)
      builder.discard(.noPod)
      builder.reject(line: 9, "not JSON")
      builder.reject(line: 3, "field 'x' is missing")
      builder.lost(5)
      builder.note("a remark")
      var batch = builder.batch(name: "Ä'; DROP TABLE ingest; --.jsonl", marksReplies: true)
      let id = try await store.add(batch)
      batch.inputs[0].record.id = id
      batch.inputs[0].record.counts.capture = [:]
      batch.inputs[0].record.counts.rejections.sort()
      #expect(id > 0)
      let rows = try await store.inputs()
      #expect(rows == [batch.inputs[0].record])
      #expect(
        try await store.capture() == [
          StoredCaptureHour(
            logKind: .hubble,
            hour: noonHour,
            capture: CaptureHour(records: 1, lost: 5)
          )
        ]
      )
    },
    StoreClause("An input that has grown keeps its row and adds to its counts") { store in
      var first = BatchBuilder()
      first.add(BatchBuilder.pod("web"), BatchBuilder.pod("api"))
      first.discard(.reply)
      first.reject(line: 2, "not JSON")
      let id = try await store.add(first.batch(lines: 3))
      let other = try await store.add(first.batch(head: 8, lines: 3))
      #expect(other != id)
      var more = BatchBuilder()
      more.add(BatchBuilder.pod("web"), BatchBuilder.pod("api"))
      more.discard(.reply, count: 2)
      more.discard(.related)
      more.reject(line: 5, "not JSON")
      more.lost(2)
      more.note("late")
      let again = try await store.add(
        more.batch(
          id: id,
          name: "rotated.gz",
          consumed: 20_000,
          tail: 7,
          lines: 2,
          marksReplies: true,
          finished: BatchBuilder.noon + 5
        )
      )
      #expect(again == id)
      let rows = try await store.inputs()
      #expect(rows.map(\.id) == [id, other])
      let row = rows[0]
      #expect(row.name == "rotated.gz" && row.marksReplies)
      #expect(row.identity.consumedBytes == 20_000 && row.identity.tailHash == 7)
      #expect(row.counts.lines == 5 && row.counts.used == 2 && row.counts.rejectedCount == 2)
      #expect(row.counts.discarded == [.reply: 3, .related: 1])
      #expect(row.counts.rejections.map(\.line) == [2, 5])
      #expect(row.counts.lostEvents == 2 && row.counts.notes == ["late"])
      #expect(row.started == BatchBuilder.noon && row.finished == BatchBuilder.noon + 5)
      let total = try await store.edges(EdgeQuery()).first?.tally.records
      #expect(total == 3)
      #expect(try await store.capture().first?.capture.records == 3)
    },
    StoreClause("A batch is stored only while the ledger says what it expects") { store in
      var builder = BatchBuilder()
      builder.add(BatchBuilder.pod("web"), BatchBuilder.pod("api"))
      var batch = builder.batch(head: 5, headLength: 100)
      batch.inputs[0].expects = .isNew(besides: [], head: { $0 == 100 ? 5 : nil })
      let id = try await store.add(batch)
      let content = try await store.edges(EdgeQuery())
      // The same again, as another process would that looked at the same time.
      await #expect(throws: FlowStoreError.ledgerChanged) { try await store.add(batch) }
      var grown = builder.batch(id: id, head: 5, headLength: 100, consumed: 20_000)
      var other = grown.inputs[0].record.identity
      other.consumedBytes = 15_000
      for identity in [grown.inputs[0].record.identity, other] {
        grown.inputs[0].expects = .grows(identity)
        let refused = grown
        await #expect(throws: FlowStoreError.ledgerChanged) { try await store.add(refused) }
      }
      let edges = try await store.edges(EdgeQuery())
      let rows = try await store.inputs()
      #expect(edges == content && rows.map(\.identity) == [batch.inputs[0].record.identity])
      grown.inputs[0].expects = .grows(batch.inputs[0].record.identity)
      #expect(try await store.add(grown) == id)
      batch.inputs[0].expects = .isNew(
        besides: [grown.inputs[0].record.identity],
        head: { $0 == 100 ? 5 : nil }
      )
      #expect(try await store.add(batch) != id)
    },
    StoreClause("Several inputs are stored together or not at all") { store in
      var first = BatchBuilder()
      first.add(BatchBuilder.pod("web"), BatchBuilder.pod("api"), records: 3)
      first.discard(.reply)
      var second = BatchBuilder()
      second.add(BatchBuilder.pod("api"), BatchBuilder.pod("db"))
      second.add(BatchBuilder.pod("web"), BatchBuilder.pod("api"), records: 4)
      second.lost(2)
      var batch = BatchBuilder.joined([first, second])
      batch.inputs[0].expects = .isNew(besides: [], head: { _ in 1 })
      // The second starts like the first, which is there by then.
      batch.inputs[1].expects = .isNew(besides: [], head: { _ in 1 })
      let refused = batch
      await #expect(throws: FlowStoreError.ledgerChanged) { try await store.addAll(refused) }
      let nothing = try await (store.inputs(), store.edges(EdgeQuery()), store.capture())
      #expect(nothing.0.isEmpty && nothing.1.isEmpty && nothing.2.isEmpty)
      batch.inputs[1].expects = .isNew(besides: [], head: { _ in 2 })
      let ids = try await store.addAll(batch)
      let rows = try await store.inputs()
      #expect(rows.map(\.id) == ids && Set(ids).count == 2)
      #expect(rows.map(\.name) == ["flows.0", "flows.1"])
      #expect(rows.map(\.counts.discarded) == [[.reply: 1], [:]])
      #expect(rows.map(\.counts.lostEvents) == [0, 2])
      let edges = try await store.edges(EdgeQuery())
      #expect(edges.map(\.tally.records).sorted() == [1, 7])
      #expect(try await store.capture().map(\.capture) == [CaptureHour(records: 3, lost: 2)])
      let heads = try await store.heads()
      #expect(Set(heads) == [InputHead(length: 4096, hash: 1), InputHead(length: 4096, hash: 2)])
    },
    StoreClause("Inputs are found by the hash of their start, newest first") { store in
      let empty = BatchBuilder()
      let long = try await store.add(empty.batch(head: .max, headLength: 4096))
      let short = try await store.add(empty.batch(head: 5, headLength: 100))
      let same = try await store.add(empty.batch(head: .max, headLength: 4096, consumed: 50_000))
      let found = try await store.inputs(matchingHead: { $0 == 4096 ? .max : nil })
      #expect(found.map(\.id) == [same, long])
      #expect(found.first?.identity.headHash == .max)
      #expect(found.first?.identity.consumedBytes == 50_000)
      let other = try await store.inputs(matchingHead: { $0 == 100 ? 5 : 6 })
      #expect(other.map(\.id) == [short])
      let none = try await store.inputs(matchingHead: { _ in nil })
      #expect(none.isEmpty)
    },
    StoreClause("Capture is kept by log and hour, in order") { store in
      for (kind, hours) in [(LogKind.hubble, 1), (.awsVPC, 0), (.hubble, 0)] as [(LogKind, Int64)] {
        var builder = BatchBuilder(kind)
        builder.add(BatchBuilder.pod("web"), BatchBuilder.pod("api"), hours: hours)
        _ = try await store.add(builder.batch(head: UInt64(hours)))
      }
      let capture = try await store.capture()
      #expect(capture.map(\.logKind) == [.awsVPC, .hubble, .hubble])
      #expect(capture.map(\.hour) == [noonHour, noonHour, noonHour + 1])
    },
  ]
}
