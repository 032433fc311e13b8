import FlowStorage
import Foundation
package import PolicyManifests
package import PolicyModel

/// Policies read from files.
package enum PolicyFiles {
  /// Reads manifests from files, directories (`.yaml`, `.yml`, `.json`) and standard input (`-`).
  ///
  /// - Throws: ``InputError``, ``ManifestError``; two objects of one kind, namespace and name are an error.
  package static func read(_ arguments: [String]) throws -> ManifestContents {
    var whole = ManifestContents()
    var seen: [String: String] = [:]
    for argument in arguments {
      for file in try files(argument) {
        let contents = try ManifestReader().policies(
          fromYAML: try TextFile.read(file),
          file: file == "-" ? "standard input" : file
        )
        for policy in contents.policySet.policies {
          let identity =
            "\(policy.kind.rawValue) \(policy.namespace ?? "")/\(policy.name) \(policy.section ?? 0)"
          if let earlier = seen[identity] {
            throw InputError.malformed(
              file: file,
              problem:
                "\(policy.kind.manifestKind) \(policy.namespace ?? "")/\(policy.name) is also in \(earlier)"
            )
          }
          seen[identity] = file
        }
        whole.policySet.policies += contents.policySet.policies
        whole.policySet.tiers += contents.policySet.tiers
        whole.warnings += contents.warnings
      }
    }
    return whole
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
    for stored in try await stores.audit.livePolicies() {
      let name = "\(stored.kind) \(stored.namespace)/\(stored.name)"
      do {
        let contents = try ManifestReader(ignoringOtherKinds: true).policies(
          fromYAML: stored.manifest,
          file: "live \(name)"
        )
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
    for stored in try await stores.audit.livePolicies() {
      let contents = try ManifestReader(ignoringOtherKinds: true).policies(
        fromYAML: stored.manifest,
        file: "live \(stored.kind) \(stored.namespace)/\(stored.name)"
      )
      set.policies += contents.policySet.policies
      set.tiers += contents.policySet.tiers
    }
    return set
  }
}
