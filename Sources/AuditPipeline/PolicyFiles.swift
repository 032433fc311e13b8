import FlowStorage
import Foundation
package import PolicyManifests
package import PolicyModel

/// Policies read from files.
package enum PolicyFiles {
  /// Reads manifests from files, directories (`.yaml`, `.yml`, `.json`) and standard input (`-`).
  ///
  /// Files are cut between their documents and the parts read side by side; the result is that of
  /// reading one after the other. Network sets of the inventory count besides those of the files.
  ///
  /// - Throws: ``InputError``, ``ManifestError``; two objects of one kind, namespace and name are an error.
  package static func read(
    _ arguments: [String],
    _ stores: Stores? = nil
  ) async throws -> ManifestContents {
    var reader = ManifestReader()
    reader.networkSets = networkSets(try await stores?.audit.livePolicies() ?? [])
    var names: [String] = []
    var parts: [(file: Int, part: ManifestPart)] = []
    for file in try arguments.flatMap(files) {
      let name = file == "-" ? "standard input" : file
      let text = try TextFile.read(file)
      parts += try reader.parts(of: text, file: name).map { (names.count, $0) }
      names.append(name)
    }
    reader = reader.knowing(networkSetsOf: parts.map(\.part))
    let contents = await read(parts.map(\.part), by: reader)
    var whole = ManifestContents()
    var seen: [String: String] = [:]
    for (index, name) in names.enumerated() {
      let own = zip(parts, contents).filter { $0.0.file == index }.map(\.1)
      let file = try ManifestReader.joined(own)
      if names.count > 1 { try claim(file, in: name, &seen) }
      whole.policySet.policies += file.policySet.policies
      whole.policySet.tiers += file.policySet.tiers
      whole.warnings += file.warnings
      whole.networkSets += file.networkSets
    }
    return whole
  }

  private static func read(
    _ parts: [ManifestPart],
    by reader: ManifestReader
  ) async -> [ManifestPartContents] {
    if parts.count <= 1 { return parts.map(reader.read) }
    return await withTaskGroup(of: (Int, ManifestPartContents).self) { group in
      for (index, part) in parts.enumerated() {
        group.addTask { (index, reader.read(part)) }
      }
      var contents = [ManifestPartContents?](repeating: nil, count: parts.count)
      for await (index, part) in group { contents[index] = part }
      return contents.compactMap { $0 }
    }
  }

  /// Notes whose objects are in a file.
  private static func claim(
    _ contents: ManifestContents,
    in file: String,
    _ seen: inout [String: String]
  ) throws {
    let set = contents.policySet
    let policies = set.policies.map {
      let path = $0.namespace.map { "\($0)/" } ?? ""
      return (
        name: "\($0.kind.manifestKind) \(path)\($0.name)", key: "\($0.kind.rawValue) \($0.tier)"
      )
    }
    let tiers = set.tiers.map { (name: "Tier \($0.name)", key: "") }
    let networkSets = contents.networkSets.map {
      (name: "NetworkSet \($0.namespace.map { "\($0)/" } ?? "")\($0.name)", key: "")
    }
    var own: Set<String> = []
    for object in policies + tiers + networkSets {
      let identity = "\(object.name) \(object.key)"
      // A Cilium object may hold several policies.
      guard own.insert(identity).inserted else { continue }
      if let earlier = seen[identity] {
        throw InputError.malformed(file: file, problem: "\(object.name) is also in \(earlier)")
      }
      seen[identity] = file
    }
  }

  private static func files(_ argument: String) throws -> [String] {
    let endings: Set<String> = ["yaml", "yml", "json"]
    let found = try InputFiles.expand(argument).filter {
      !$0.isFound || endings.contains(($0.path as NSString).pathExtension.lowercased())
    }
    guard !found.isEmpty else {
      throw InputError.malformed(file: argument, problem: "no .yaml, .yml or .json file in it")
    }
    return found.map(\.path)
  }

  /// Reads a text; `name` stands for the file in errors.
  package static func parse(_ text: String, name: String) throws -> PolicySet {
    try ManifestReader().policies(fromYAML: text, file: name).policySet
  }

  /// The live policies that can be read, and the names of those that cannot.
  ///
  /// A cluster may be newer than this program: one policy it does not know must not stop the rest.
  static func readable(_ stores: Stores) async throws -> (set: PolicySet, unreadable: [String]) {
    var set = PolicySet()
    var unreadable: [String] = []
    let all = try await stores.audit.livePolicies()
    let reader = reader(of: all)
    for stored in all {
      let name = "\(stored.kind) \(stored.namespace)/\(stored.name)"
      do {
        let contents = try reader.policies(fromYAML: stored.manifest, file: "live \(name)")
        set.policies += contents.policySet.policies
        set.tiers += contents.policySet.tiers
      } catch {
        unreadable.append(name)
      }
    }
    return (set, unreadable)
  }

  /// The live policies added with the inventory.
  package static func live(_ stores: Stores) async throws -> PolicySet {
    var set = PolicySet()
    let all = try await stores.audit.livePolicies()
    let reader = reader(of: all)
    for stored in all {
      let contents = try reader.policies(
        fromYAML: stored.manifest,
        file: "live \(stored.kind) \(stored.namespace)/\(stored.name)"
      )
      set.policies += contents.policySet.policies
      set.tiers += contents.policySet.tiers
    }
    return set
  }

  /// A reader of live policies, which also finds the network sets among them.
  private static func reader(of stored: [StoredPolicy]) -> ManifestReader {
    var reader = ManifestReader(ignoringOtherKinds: true)
    reader.networkSets = networkSets(stored)
    return reader
  }

  /// The network sets that can be read.
  private static func networkSets(_ stored: [StoredPolicy]) -> [NetworkSet] {
    stored.filter { $0.kind.hasSuffix("NetworkSet") }.flatMap { set in
      let contents = try? ManifestReader(ignoringOtherKinds: true).policies(
        fromYAML: set.manifest,
        file: "live \(set.kind)"
      )
      return contents?.networkSets ?? []
    }
  }
}
