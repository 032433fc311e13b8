/// The files of a step as they were written, so that a gate can tell whether they are still right.
package struct WrittenStep: Hashable, Sendable {
  /// The folder, an absolute path.
  package var folder: String
  /// A hash over names and contents of the files.
  package var hash: String
  /// The dialect of the rules; empty for steps without rules.
  package var dialect: String
  /// The objects in the files as `resource name`, in the order of application.
  package var objects: [String]

  /// Makes a value.
  package init(folder: String, hash: String, dialect: String = "", objects: [String] = []) {
    self.folder = folder
    self.hash = hash
    self.dialect = dialect
    self.objects = objects
  }
}
