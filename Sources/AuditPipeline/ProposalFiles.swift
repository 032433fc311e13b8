import Foundation
import PolicyManifests
import PolicyModel

/// Proposals as files with stable names: one file per policy object.
package enum ProposalFiles {
  /// What became of a directory.
  package struct Outcome: Sendable {
    /// The files written, in that order.
    package var written: [String] = []
    /// Files of earlier runs that no policy of these proposals goes by, sorted.
    package var stale: [String] = []
  }

  /// Writes `DIRECTORY/NAMESPACE/POLICY.yaml`; files of earlier runs with other names are left alone.
  ///
  /// Nothing is written for a namespace without policies, whose name may be anything.
  ///
  /// - Throws: ``InputError/unreadable(file:message:)`` when a file cannot be written.
  package static func write(_ results: [ProposeResult], to directory: String, annotate: Bool)
    throws -> Outcome
  {
    var outcome = Outcome()
    for result in results where KubernetesSyntax.isDNSLabel(result.namespace) {
      let folder = (directory as NSString).appendingPathComponent(result.namespace)
      let set = ProposalText.policies(result, annotate: annotate)
      for policy in set.policies {
        let path = (folder as NSString).appendingPathComponent("\(policy.name).yaml")
        let text = try ManifestWriter.yaml(PolicySet(policies: [policy]))
        try OutputFile.write(text, to: path)
        outcome.written.append(path)
      }
      let written = Set(outcome.written)
      for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
        let path = (folder as NSString).appendingPathComponent(name)
        if name.hasSuffix(".yaml"), !written.contains(path), isOurs(path) {
          outcome.stale.append(path)
        }
      }
    }
    outcome.stale.sort()
    return outcome
  }

  /// Whether a file holds an object of an earlier proposal.
  private static func isOurs(_ path: String) -> Bool {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return false }
    return text.contains("app.kubernetes.io/managed-by: flowlearn")
  }
}

/// Files that commands write.
package enum OutputFile {
  /// Writes a text so that readers see the old or the new content, never half of it.
  ///
  /// - Throws: ``InputError/unreadable(file:message:)``.
  package static func write(_ text: String, to path: String, executable: Bool = false) throws {
    let url = URL(fileURLWithPath: path)
    do {
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(),
        withIntermediateDirectories: true
      )
      try text.write(to: url, atomically: true, encoding: .utf8)
      if executable {
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o755],
          ofItemAtPath: path
        )
      }
    } catch {
      throw InputError.unreadable(
        file: path,
        message: "it cannot be written (\((error as NSError).localizedDescription))"
      )
    }
  }
}
