import FlowAggregation
import FlowModel
import FlowStorage
import TestSupport
import Testing

private let web = BatchBuilder.pod("web")
private let api = BatchBuilder.pod("api")
private let noonHour = BatchBuilder.noon / Timestamps.hour

extension StoreClause {
  static let flows = [
    StoreClause("An empty store has nothing, and no answer is an error") { store in
      #expect(try await store.edges(EdgeQuery()).isEmpty)
      #expect(try await store.edgeDays(EdgeQuery(namespace: "shop")).isEmpty)
      #expect(try await store.podEndpoints(before: nil).isEmpty)
      #expect(try await store.inputs().isEmpty)
      #expect(try await store.capture().isEmpty)
      #expect(try await store.namespaces().isEmpty)
      let found = try await store.inputs(matchingHead: { _ in 1 })
      #expect(found.isEmpty)
    },
    StoreClause("Hours of one edge are added up, over inputs too") { store in
      for hours in [0, 1, 30] as [Int64] {
        var builder = BatchBuilder()
        builder.add(web, api, hours: hours, after: hours, records: 2, bytes: 5)
        builder.add(web, api, hours: hours, after: hours + 9, records: 1, bytes: 5)
        _ = try await store.add(builder.batch(head: UInt64(hours)))
      }
      var again = BatchBuilder()
      again.add(web, api, hours: 1)
      _ = try await store.add(again.batch(head: 99))
      let found = try await store.edgeDays(EdgeQuery())
      let tally = try #require(found.first).edge.tally
      #expect(found.count == 1)
      #expect(tally.records == 10 && tally.bytes == 30)
      #expect(tally.hours == 3 && tally.days == 2)
      #expect(tally.firstMicroseconds == BatchBuilder.noon)
      #expect(tally.lastMicroseconds == BatchBuilder.noon + 30 * Timestamps.hour + 1039)
      #expect(found.first?.days == [noonHour / 24, noonHour / 24 + 1])
      #expect(try await store.edges(EdgeQuery()) == found.map(\.edge))
    },
    StoreClause("Edges that differ in any part of their key stay apart and come in order") {
      store in
      var builder = BatchBuilder()
      builder.add(web, api)
      builder.add(api, web)
      builder.add(web, BatchBuilder.pod("api", cluster: "west"))
      builder.add(web, BatchBuilder.pod("api", in: "data"))
      builder.add(web, api, transport: .udp)
      builder.add(web, api, port: 81)
      builder.add(web, api, replyPort: 53)
      builder.add(web, api, .denied)
      builder.add(web, api, side: .ingress)
      _ = try await store.add(builder.batch())
      var calico = BatchBuilder(.calico)
      calico.add(web, api)
      _ = try await store.add(calico.batch(head: 2))
      let edges = try await store.edges(EdgeQuery())
      #expect(edges.count == 10)
      #expect(Set(edges).count == 10)
      #expect(edges.allSatisfy { $0.tally.records == 1 })
      #expect(zip(edges, edges.dropFirst()).allSatisfy { FlowEdge.precedes($0, $1) })
    },
    StoreClause("A window takes whole hours, the last one not included") { store in
      var builder = BatchBuilder()
      for hour in 0..<4 as Range<Int64> { builder.add(web, api, hours: hour) }
      builder.add(api, web, hours: 3)
      _ = try await store.add(builder.batch())
      let window = EdgeQuery(hours: noonHour + 1..<noonHour + 3)
      let found = try await store.edges(window)
      #expect(found.map(\.tally.records) == [2])
      #expect(found.first?.tally.firstMicroseconds == BatchBuilder.noon + Timestamps.hour)
      #expect(try await store.edges(EdgeQuery(hours: 0..<noonHour)).isEmpty)
      #expect(try await store.edges(EdgeQuery(hours: noonHour..<noonHour)).isEmpty)
    },
    StoreClause("A namespace has the edges of its pods at either end, once each") { store in
      var builder = BatchBuilder()
      builder.add(web, api)
      builder.add(web, BatchBuilder.pod("db", in: "data"))
      builder.add(BatchBuilder.pod("db", in: "data"), web)
      builder.add(BatchBuilder.pod("x", in: "other"), BatchBuilder.address(0x0808_0808))
      _ = try await store.add(builder.batch())
      #expect(try await store.edges(EdgeQuery(namespace: "shop")).count == 3)
      #expect(try await store.edges(EdgeQuery(namespace: "data")).count == 2)
      #expect(try await store.edges(EdgeQuery(namespace: "other")).count == 1)
      #expect(try await store.edges(EdgeQuery(namespace: "")).isEmpty)
      #expect(try await store.edges(EdgeQuery(namespace: "sho%")).isEmpty)
      #expect(try await store.edges(EdgeQuery(namespace: "shop' OR 1=1 --")).isEmpty)
      let spans = try await store.namespaces()
      #expect(spans.map(\.namespace) == ["data", "other", "shop"])
      #expect(spans.allSatisfy { $0.first == BatchBuilder.noon })
    },
    StoreClause("Pods first seen before an hour are known, sorted, once each") { store in
      var builder = BatchBuilder()
      builder.add(web, api, hours: 0)
      builder.add(web, BatchBuilder.address(0x0808_0808), hours: 0)
      builder.add(web, BatchBuilder.pod("db"), hours: 5)
      _ = try await store.add(builder.batch())
      #expect(try await store.podEndpoints(before: noonHour).isEmpty)
      #expect(try await store.podEndpoints(before: noonHour + 5) == [api, web])
      #expect(try await store.podEndpoints(before: nil) == [api, BatchBuilder.pod("db"), web])
    },
    StoreClause("Endpoints come back as they went in, whatever they hold") { store in
      var seed = Seed(7)
      var builder = BatchBuilder()
      builder.addRandom(200, &seed)
      let batch = builder.batch()
      _ = try await store.add(batch)
      let used = Set(
        batch.edges.flatMap { [$0.key.source, $0.key.destination] }
          .map { batch.endpoints[Int($0)] }
      )
      let found = Set(try await store.edges(EdgeQuery()).flatMap { [$0.source, $0.destination] })
      #expect(found == used)
    },
    StoreClause("Counts beyond any number stop at the largest") { store in
      for head in [1, 2] as [UInt64] {
        var builder = BatchBuilder()
        builder.add(web, api, records: .max, bytes: .max)
        builder.lost(.max)
        _ = try await store.add(builder.batch(head: head))
      }
      let tally = try await store.edges(EdgeQuery()).first?.tally
      #expect(tally?.records == .max && tally?.bytes == .max)
      #expect(try await store.capture().first?.capture.lost == .max)
    },
    StoreClause("Times far away are kept") { store in
      var builder = BatchBuilder()
      for hours in [-17_000_000, 70_000_000] as [Int64] { builder.add(web, api, hours: hours) }
      _ = try await store.add(builder.batch())
      #expect(try await store.edges(EdgeQuery()).first?.tally.records == 2)
      #expect(try await store.podEndpoints(before: nil).count == 2)
    },
    StoreClause("External peers that become too many over several inputs are folded") { store in
      for part in 0..<3 as Range<UInt32> {
        var builder = BatchBuilder()
        for peer in 0..<1500 as Range<UInt32> {
          builder.add(web, BatchBuilder.address(0x0b00_0000 + part * 1500 + peer), port: 443)
        }
        builder.add(web, BatchBuilder.address(0xa9fe_a9fe), port: 443)
        builder.add(web, BatchBuilder.address(0x0b00_0001), port: 80)
        let id = try await store.add(builder.batch(head: UInt64(part) + 1))
        let notes = try await store.inputs().first { $0.id == id }?.counts.notes
        #expect(notes?.isEmpty == (part < 2))
      }
      let edges = try await store.edges(EdgeQuery()).filter { $0.port == 443 }
      #expect(edges.map(\.tally.records).reduce(0, +) == 4503)
      let prefixes = edges.compactMap { $0.destination.address }
      #expect(prefixes.count { $0.prefixLength == 24 } == 18)
      #expect(prefixes.count { $0.address.isMetadataService } == 1)
      #expect(prefixes.count == 19)
      let other = try await store.edges(EdgeQuery()).filter { $0.port == 80 }
      #expect(other.map(\.destination) == [BatchBuilder.address(0x0b00_0001)])
      var later = BatchBuilder()
      later.add(web, BatchBuilder.address(0x0b00_0007), port: 443, hours: 1)
      later.add(web, BatchBuilder.address(0x2b00_0007), port: 443, hours: 1)
      _ = try await store.add(later.batch(head: 9))
      #expect(try await store.edges(EdgeQuery()).filter { $0.port == 443 }.count == 20)
    },
    StoreClause("Prefixes that become too many are folded to the world, sources too") { store in
      var builder = BatchBuilder()
      for peer in 0..<4200 as Range<UInt32> {
        builder.add(BatchBuilder.address(0x0b00_0000 + peer * 256), web, port: 443)
      }
      _ = try await store.add(builder.batch())
      let edges = try await store.edges(EdgeQuery())
      #expect(edges.map(\.source.address) == [.worldIPv4])
      #expect(edges.first?.tally.records == 4200)
    },
    StoreClause("A fold keeps the hours, the sides and the classes apart") { store in
      var builder = BatchBuilder()
      for peer in 0..<4352 as Range<UInt32> {
        let address = BatchBuilder.address(0x0b00_0000 + peer)
        builder.add(
          web,
          address,
          peer % 7 == 0 ? .denied : .allowed,
          side: peer % 2 == 0 ? .egress : .both,
          hours: Int64(peer % 3),
          bytes: 2
        )
      }
      _ = try await store.add(builder.batch())
      let edges = try await store.edges(EdgeQuery())
      #expect(edges.map(\.tally.records).reduce(0, +) == 4352)
      #expect(edges.map(\.tally.bytes).reduce(0, +) == 8704)
      #expect(edges.allSatisfy { $0.tally.hours == 3 })
      #expect(edges.count == 17 * 4)
    },
  ]
}
