import FlowStorage
import StoreContract
import Testing

@Suite("The store in memory")
struct InMemoryStoreTests {
  @Test("It keeps every promise of a store", arguments: StoreClause.all)
  func contract(clause: StoreClause) async throws { try await clause(InMemoryStore()) }
}
