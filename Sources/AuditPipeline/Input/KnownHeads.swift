import FlowStorage
import Synchronization

/// How the inputs start that the ledger knows, so that it need not be asked about each of thousands of files.
///
/// It may know too little where other processes store meanwhile: the store looks again when it takes an input.
final class KnownHeads: Sendable {
  private let hashes: Mutex<[Int: Set<UInt64>]>

  /// Takes what the ledger knows.
  init(_ heads: [InputHead]) {
    hashes = Mutex(
      heads.reduce(into: [:]) { $0[$1.length, default: []].insert($1.hash) }
    )
  }

  /// Adds an input that was stored.
  func insert(_ identity: InputIdentity) {
    hashes.withLock { _ = $0[identity.headLength, default: []].insert(identity.headHash) }
  }

  /// Whether the ledger may know an input.
  ///
  /// - Parameter head: As for ``FlowStore/inputs(matchingHead:)``.
  func mayKnow(_ head: (Int) -> UInt64?) -> Bool {
    // Others need not wait while it is hashed.
    let hashes = hashes.withLock { $0 }
    return hashes.contains { length, known in head(length).map { known.contains($0) } ?? false }
  }
}
