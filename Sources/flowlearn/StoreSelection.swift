import Foundation
import AuditPipeline
import FlowStorageSQLite

/// The one place that names a database.
enum StoreSelection {
  /// Opens the stores at a path.
  static func open(_ path: String, create: Bool) throws -> Stores {
    if let scheme = path.range(of: "://") {
      throw CommandFailure(
        "the store \(path[..<scheme.lowerBound])://... is not supported",
        hint: "--store takes the path of a SQLite file."
      )
    }
    let store = try SQLiteStore(path: path, create: create)
    return Stores(flows: store, audit: store)
  }
}
