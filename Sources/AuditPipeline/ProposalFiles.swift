import Foundation
import PolicyManifests
import PolicyModel

/// Proposals as files with stable names: one file per policy object.
package enum ProposalFiles {
  /// Writes `DIRECTORY/NAMESPACE/POLICY.yaml`; files of earlier runs with other names are left alone.
  ///
  /// - Returns: The paths, in the order written.
  /// - Throws: ``InputError/unreadable(file:message:)`` when a file cannot be written.
  package static func write(_ results: [ProposeResult], to directory: String, annotate: Bool)
    throws -> [String]
  {
    var paths: [String] = []
    for result in results {
      let folder = (directory as NSString).appendingPathComponent(result.namespace)
      let set = ProposalText.policies(result, annotate: annotate)
      for policy in set.policies {
        let path = (folder as NSString).appendingPathComponent("\(policy.name).yaml")
        let text = try ManifestWriter.yaml(PolicySet(policies: [policy]))
        try OutputFile.write(text, to: path)
        paths.append(path)
      }
    }
    return paths
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
