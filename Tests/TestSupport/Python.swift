package import Foundation

/// Runs Python, where it is installed.
package enum Python {
  /// Status and output; nil where there is no Python.
  package static func run(_ arguments: [String]) throws -> (status: Int32, text: String)? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3"] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    do { try process.run() } catch { return nil }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }

  /// Checks manifests with the reference validator; nil, with a printed reason, where it or what it
  /// needs is missing.
  package static func validate(_ folder: URL) throws -> (status: Int32, text: String)? {
    guard let tool = ProjectFiles.shared("tools/validate_policies.py") else { return nil }
    guard let modules = try run(["-c", "import yaml, jsonschema"]), modules.status == 0 else {
      print("skipped: python3 with yaml and jsonschema is not there")
      return nil
    }
    return try run([tool.path, "-q", folder.path])
  }
}
