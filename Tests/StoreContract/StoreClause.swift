package import FlowStorage
import Testing

/// One promise that every store keeps; run on a store that is empty.
package struct StoreClause: Sendable, CustomTestStringConvertible {
  /// The promise, as a sentence.
  package let testDescription: String
  private let check: @Sendable (any FlowStore & AuditStore) async throws -> Void

  init(
    _ description: String,
    _ check: @escaping @Sendable (any FlowStore & AuditStore) async throws -> Void
  ) {
    testDescription = description
    self.check = check
  }

  /// Checks the promise with `#expect`.
  package func callAsFunction(_ store: any FlowStore & AuditStore) async throws {
    try await check(store)
  }

  /// All promises.
  package static let all = flows + ledger + audit
}
