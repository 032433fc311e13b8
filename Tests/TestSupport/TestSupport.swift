package import Foundation
package import Testing

/// A deterministic source of random numbers (SplitMix64) for property tests.
package struct Seed: RandomNumberGenerator, Sendable, CustomStringConvertible {
  /// The seed, for the test's name.
  package let value: UInt64
  private var state: UInt64

  /// Makes a source.
  package init(_ value: UInt64) {
    self.value = value
    // Far apart: neighbours would draw the same numbers, one place later.
    state = Seed.mixed(value &+ 1)
  }

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    state = state &+ 0x9E37_79B9_7F4A_7C15
    return Seed.mixed(state)
  }

  private static func mixed(_ number: UInt64) -> UInt64 {
    var mixed = number
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// `count` seeds, from number 1 on or from the number in the environment variable `SEED`.
  package static func samples(_ count: Int) -> [Seed] {
    (0..<UInt64(count)).map { Seed(first &+ $0) }
  }

  private static let first = UInt64(ProcessInfo.processInfo.environment["SEED"] ?? "") ?? 1

  /// The seed's number.
  package var description: String { "seed \(value)" }
}

/// Where the project and the shared reference files are.
package enum ProjectFiles {
  /// The project's top folder, found from a source file's path (links resolved).
  package static func root(from file: String = #filePath) -> URL {
    var folder = URL(fileURLWithPath: file).resolvingSymlinksInPath().deletingLastPathComponent()
    while folder.path != "/",
      !FileManager.default.fileExists(atPath: folder.appendingPathComponent("Package.swift").path)
    {
      folder.deleteLastPathComponent()
    }
    return folder
  }

  /// A file of the reference folder beside the project; nil, with a printed reason, where it is missing.
  package static func shared(_ path: String, from file: String = #filePath) -> URL? {
    let url = root(from: file).deletingLastPathComponent().appendingPathComponent("shared")
      .appendingPathComponent(path)
    guard FileManager.default.fileExists(atPath: url.path) else {
      print("skipped: ../shared/\(path) is not there")
      return nil
    }
    return url
  }
}

/// Compares text with a golden file in `Golden/` beside the test; `UPDATE_GOLDEN=1` rewrites it.
package func expectGolden(
  _ actual: String,
  _ name: String,
  file: String = #filePath,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let url = URL(fileURLWithPath: file).resolvingSymlinksInPath().deletingLastPathComponent()
    .appendingPathComponent("Golden").appendingPathComponent(name)
  if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil {
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(),
      withIntermediateDirectories: true
    )
    try actual.write(to: url, atomically: true, encoding: .utf8)
    return
  }
  let expected = try String(contentsOf: url, encoding: .utf8)
  #expect(actual == expected, "differs from Golden/\(name)", sourceLocation: sourceLocation)
}
