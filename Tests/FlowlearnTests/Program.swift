import Foundation
import TestSupport

/// What a program printed and how it ended.
struct Outcome: Sendable {
  var status: Int32
  var output: String
  var errors: String
}

/// The programs of this package as they were built for the tests.
enum Program {
  /// The folder of the built programs: that of the test bundle.
  static let folder: URL = {
    let beside = [Bundle.main.executableURL, URL(fileURLWithPath: CommandLine.arguments[0])]
    for case let url? in beside {
      // On macOS the bundle is a folder, and its program lies some levels down.
      var folder = url.resolvingSymlinksInPath().deletingLastPathComponent()
      while folder.path != "/" {
        let program = folder.appendingPathComponent("flowlearn").path
        if FileManager.default.isExecutableFile(atPath: program), !isFolder(program) {
          return folder
        }
        folder.deleteLastPathComponent()
      }
    }
    fatalError("flowlearn does not lie beside the tests")
  }()

  /// Runs a program of the package.
  static func run(
    _ arguments: [String],
    of name: String = "flowlearn",
    input: String = "",
    in folder: URL? = nil
  ) throws -> Outcome {
    try launch(
      Program.folder.appendingPathComponent(name),
      arguments,
      input: input,
      in: folder
    )
  }

  /// Runs a line of shell, with flowlearn in the path; a failure in a pipe counts.
  static func shell(_ line: String, in folder: URL) throws -> Outcome {
    try launch(
      URL(fileURLWithPath: "/usr/bin/env"),
      ["bash", "-c", "set -o pipefail; \(line)"],
      input: "",
      in: folder
    )
  }

  private static func launch(
    _ program: URL,
    _ arguments: [String],
    input: String,
    in folder: URL?
  ) throws -> Outcome {
    // Files instead of pipes: whatever the program prints, nobody waits for anybody.
    let scratch = try Scratch()
    let paths = ["in", "out", "err"].map { scratch.url.appendingPathComponent($0) }
    try Data(input.utf8).write(to: paths[0])
    for path in paths.dropFirst() { try Data().write(to: path) }
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.currentDirectoryURL = folder
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] = Program.folder.path + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
    environment["FLOWLEARN_ACTOR"] = "tester"
    environment["FLOWLEARN_STORE"] = nil
    environment["COLUMNS"] = nil
    process.environment = environment
    process.standardInput = try FileHandle(forReadingFrom: paths[0])
    process.standardOutput = try FileHandle(forWritingTo: paths[1])
    process.standardError = try FileHandle(forWritingTo: paths[2])
    try process.run()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus,
      output: String(decoding: try Data(contentsOf: paths[1]), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: paths[2]), as: UTF8.self)
    )
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }
}

/// A folder of its own that goes away with the value.
final class Scratch: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
      .appendingPathComponent("flowlearn-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// A folder with `sample-flows` in it, as in a fresh clone.
  static func withSamples() throws -> Scratch {
    let scratch = try Scratch()
    try FileManager.default.createSymbolicLink(
      at: scratch.url.appendingPathComponent("sample-flows"),
      withDestinationURL: ProjectFiles.root().appendingPathComponent("sample-flows")
    )
    return scratch
  }
}
