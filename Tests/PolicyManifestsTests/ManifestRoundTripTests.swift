import Foundation
import PolicyManifests
import PolicyModel
import TestSupport
import Testing

struct ManifestRoundTripTests {
  @Test("What is written is read back as the same policies", arguments: Seed.samples(250))
  func roundTrip(seed: Seed) throws {
    for kind in PolicyKind.allCases {
      var random = RandomPolicies(seed)
      let set = random.set(kind)
      let expected = set.policies.map { $0.normalized() }
      let yaml = try ManifestWriter.yaml(set)
      let read = try ManifestReader().policies(fromYAML: yaml, file: "random.yaml")
      #expect(read.policySet.tiers == set.tiers)
      #expect(read.policySet.policies == expected, "\(yaml)")
      #expect(try ManifestWriter.yaml(read.policySet) == yaml)
      let json = try ManifestWriter.json(set)
      let reread = try ManifestReader().policies(fromYAML: json, file: "random.json")
      #expect(reread.policySet == read.policySet)
    }
  }

  @Test("Normalizing twice is normalizing once", arguments: Seed.samples(200))
  func idempotent(seed: Seed) {
    for kind in PolicyKind.allCases {
      var random = RandomPolicies(seed)
      for policy in random.set(kind).policies {
        let once = policy.normalized()
        #expect(once.normalized() == once)
      }
    }
  }

  @Test("A normalized selector matches the same labels", arguments: Seed.samples(300))
  func normalizedSelector(seed: Seed) throws {
    var random = RandomPolicies(seed)
    let selector = random.tree(depth: 4)
    let simple = selector.normalized()
    for _ in 0..<50 {
      let labels = random.labels(0...5)
      #expect(selector.matches(labels) == simple.matches(labels), "\(selector) \(labels)")
    }
  }

  @Test("The official schemas accept what is written")
  func schemas() throws {
    guard let tool = ProjectFiles.shared("tools/validate_policies.py") else { return }
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("manifests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for kind in PolicyKind.allCases {
      for seed in Seed.samples(25) {
        var random = RandomPolicies(seed)
        let set = random.set(kind)
        let name = "\(kind.rawValue)-\(seed.value)"
        try ManifestWriter.yaml(set).write(
          to: folder.appendingPathComponent(name + ".yaml"),
          atomically: true,
          encoding: .utf8
        )
        try ManifestWriter.json(set).write(
          to: folder.appendingPathComponent(name + ".json"),
          atomically: true,
          encoding: .utf8
        )
      }
    }
    guard let output = try Python.run(["-c", "import yaml, jsonschema"]), output.status == 0 else {
      print("skipped: python3 with yaml and jsonschema is not there")
      return
    }
    let result = try #require(try Python.run([tool.path, "-q", folder.path]))
    #expect(result.status == 0, "\(result.text.prefix(4000))")
  }
}

/// Runs Python.
private enum Python {
  /// Status and output; nil where there is no Python.
  static func run(_ arguments: [String]) throws -> (status: Int32, text: String)? {
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
}
