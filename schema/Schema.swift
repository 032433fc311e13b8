/// The SQL that defines and aggregates the store, compiled into the program.
package enum SQLiteSchema {
  /// One step of the schema: a file of `schema/sqlite`, run once.
  package struct Migration: Sendable {
    /// The file's name without its ending; recorded in the database.
    package let name: String
    /// The statements.
    package let sql: String
  }

  /// `application_id` of a flowlearn database: "flwl" in ASCII.
  package static let applicationID: Int32 = 0x666c_776c

  /// All steps, in order.
  ///
  /// A file that has landed is never edited: the next one is added.
  package static let migrations = [
    Migration(name: "v001_flow", sql: text(PackageResources.v001_flow_sql)),
    Migration(name: "v002_inventory", sql: text(PackageResources.v002_inventory_sql)),
    Migration(name: "v003_rollout", sql: text(PackageResources.v003_rollout_sql)),
    Migration(name: "v004_edge_day", sql: text(PackageResources.v004_edge_day_sql)),
  ]

  /// Edges of a namespace, a row for each day of a window.
  package static let daysInNamespace = text(PackageResources.query_days_in_namespace_sql)
  /// Edges of a namespace, a row for each hour of a window.
  package static let hoursInNamespace = text(PackageResources.query_hours_in_namespace_sql)
  /// All edges, a row for each day of a window.
  package static let daysEverywhere = text(PackageResources.query_days_everywhere_sql)
  /// All edges, a row for each hour of a window.
  package static let hoursEverywhere = text(PackageResources.query_hours_everywhere_sql)

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
