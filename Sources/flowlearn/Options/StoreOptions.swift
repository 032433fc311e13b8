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

  func validate() throws {
    // SQLite takes an empty name for a database that is gone with the program.
    guard store != "" else {
      throw ValidationError("--store is empty: is a variable of the shell not set?")
    }
  }

  /// The path of the store.
  var path: String {
    if let store { return store }
    let variable = ProcessInfo.processInfo.environment["FLOWLEARN_STORE"] ?? ""
    return variable.isEmpty ? "flowlearn.db" : variable
  }

  /// Opens the store; a missing one is an error unless it may be created.
  func open(create: Bool = false) throws -> Stores {
    try StoreSelection.open(path, create: create)
  }
}
