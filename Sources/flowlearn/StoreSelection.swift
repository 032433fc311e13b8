import Foundation
import AuditPipeline
import FlowStorageSQLite

/// The one place that names a database.
enum StoreSelection {
  /// Opens the stores at a path; what may only be read is opened for reading.
  static func open(_ path: String, create: Bool) throws -> Stores {
    if let scheme = path.range(of: "://") {
      throw CommandFailure(
        "the store \(path[..<scheme.lowerBound])://... is not supported",
        hint: "--store takes the path of a SQLite file."
      )
    }
    let mayWrite = create || access(path, W_OK) == 0
    let store = try SQLiteStore(path: path, create: create, readOnly: !mayWrite)
    return Stores(flows: store, audit: store)
  }
}
