import ArgumentParser
import AuditPipeline
import FlowStorageSQLite
import Foundation

/// Which store a command works on.
struct StoreOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The store (default: $FLOWLEARN_STORE, else ./flowlearn.db).",
      valueName: "path"
    ),
    completion: .file()
  )
  var store: String?

  /// The path of the store.
  var path: String {
    store ?? ProcessInfo.processInfo.environment["FLOWLEARN_STORE"] ?? "flowlearn.db"
  }

  /// Opens the store; a missing one is an error unless it may be created.
  func open(create: Bool = false) throws -> Stores {
    try StoreSelection.open(path, create: create)
  }
}
