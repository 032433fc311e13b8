package import Foundation

/// A folder of its own that goes away with the value.
package final class TemporaryFolder: Sendable {
  /// The folder.
  package let url: URL

  /// Makes the folder.
  package init() throws {
    url = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
      .appendingPathComponent("flowlearn-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// The path of a file in the folder.
  package func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  /// Writes a file and returns its path.
  @discardableResult
  package func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(),
      withIntermediateDirectories: true
    )
    try Data(bytes).write(to: file)
    return path(name)
  }

  /// Writes lines, each with a line feed, and returns the path.
  @discardableResult
  package func write(lines: [String], to name: String) throws -> String {
    try write(lines.map { $0 + "\n" }.joined().utf8, to: name)
  }

  /// Adds bytes to a file.
  package func append(_ bytes: some Sequence<UInt8>, to name: String) throws {
    let file = try FileHandle(forWritingTo: url.appendingPathComponent(name))
    defer { try? file.close() }
    try file.seekToEnd()
    try file.write(contentsOf: Data(bytes))
  }
}
