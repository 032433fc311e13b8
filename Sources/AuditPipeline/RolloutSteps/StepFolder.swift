import Foundation
package import Rollout

/// What stops a rollout step outside the rules of the rollout itself.
package enum RolloutStepError: Error, Hashable, Sendable {
  /// What was written cannot be read back as it was written.
  case notReadBack(folder: String)
  /// A workload keeps the metadata service by decision, but no stable label selects it.
  case noSelector(workload: String)
}

extension RolloutStepError: CustomStringConvertible {
  /// One sentence.
  package var description: String {
    switch self {
    case .notReadBack(let folder): "\(folder) does not hold what was written to it"
    case .noSelector(let workload):
      "\(workload) was accepted as needing the metadata service, but no stable label selects it: "
        + "the deny would cut it off"
    }
  }
}

/// The files of a step in a folder: all of them or none, whenever the program ends.
///
/// They are written beside the folder and take its place at once. What `apply.sh` saved in `backup/`
/// stays. Until ``keep()`` the folder that was there before can be put back.
package struct StepFolder: Sendable {
  /// The folder, an absolute path.
  package let path: String

  private static let backup = "backup"
  private var fresh: String { path + ".new" }
  private var former: String { path + ".old" }

  /// Names a folder; a relative path counts from the working directory.
  package init(_ path: String) {
    self.path = URL(fileURLWithPath: path).standardizedFileURL.path
  }

  /// Names the folder of a step: `DIRECTORY/NAMESPACE/STEP`.
  package init(_ directory: String, namespace: String, step: String) {
    self.init("\(directory)/\(namespace)/\(step)")
  }

  /// The path as people see it: relative where it lies below the working directory.
  package var shownPath: String {
    let working = FileManager.default.currentDirectoryPath + "/"
    return path.hasPrefix(working) ? String(path.dropFirst(working.count)) : path
  }

  /// A hash over names, contents and modes of files.
  package static func hash(_ files: [StepFile]) -> String {
    SHA256.hexadecimal(
      files.sorted { $0.name < $1.name }.map { file in
        "\(file.name) \(file.isExecutable) \(file.contents.utf8.count)\n\(file.contents)"
      }.joined()
    )
  }

  /// Whether the folder holds these files, as they are; others beside them do not matter.
  package func holds(_ files: [StepFile]) -> Bool {
    files.allSatisfy { file in
      let file = (name: path + "/" + file.name, file: file)
      guard let contents = try? String(contentsOfFile: file.name, encoding: .utf8) else {
        return false
      }
      return contents == file.file.contents
        && (!file.file.isExecutable || FileManager.default.isExecutableFile(atPath: file.name))
    }
  }

  /// Writes files and puts them in the folder's place.
  ///
  /// - Throws: ``InputError/unreadable(file:message:)``, ``RolloutStepError/notReadBack(folder:)``;
  ///   the folder is then as it was.
  package func place(_ files: [StepFile]) throws {
    let manager = FileManager.default
    recover()
    do {
      try? manager.removeItem(atPath: fresh)
      for file in files {
        try OutputFile.write(
          file.contents,
          to: "\(fresh)/\(file.name)",
          executable: file.isExecutable
        )
      }
      let saved = "\(path)/\(StepFolder.backup)"
      if manager.fileExists(atPath: saved) {
        try manager.copyItem(atPath: saved, toPath: "\(fresh)/\(StepFolder.backup)")
      }
      if manager.fileExists(atPath: path) { try manager.moveItem(atPath: path, toPath: former) }
      try manager.moveItem(atPath: fresh, toPath: path)
    } catch {
      try? manager.removeItem(atPath: fresh)
      recover()
      if error is InputError { throw error }
      throw InputError.unreadable(
        file: path,
        message: "it cannot be written (\((error as NSError).localizedDescription))"
      )
    }
    guard holds(files) else {
      undo()
      throw RolloutStepError.notReadBack(folder: path)
    }
  }

  /// Lets go of the folder that was there before.
  package func keep() { try? FileManager.default.removeItem(atPath: former) }

  /// Puts back what was there before ``place(_:)``.
  package func undo() {
    let manager = FileManager.default
    try? manager.removeItem(atPath: path)
    if manager.fileExists(atPath: former) {
      try? manager.moveItem(atPath: former, toPath: path)
    } else {
      removeEmptyParents()
    }
  }

  /// A run that was killed between the two moves left the folder under its other name.
  private func recover() {
    let manager = FileManager.default
    guard manager.fileExists(atPath: former) else { return }
    if manager.fileExists(atPath: path) {
      try? manager.removeItem(atPath: former)
    } else {
      try? manager.moveItem(atPath: former, toPath: path)
    }
  }

  /// Takes away the namespace's folder when nothing is left in it.
  private func removeEmptyParents() {
    let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
    if (try? FileManager.default.contentsOfDirectory(atPath: parent))?.isEmpty == true {
      try? FileManager.default.removeItem(atPath: parent)
    }
  }
}
