import Foundation

/// Turns the arguments of a command into files: directories are walked, patterns expanded.
package enum InputFiles {
  /// One file to read.
  package struct File: Hashable, Sendable {
    /// The path, or `-`.
    package var path: String
    /// Whether it was found in a directory rather than named; then another kind of file is no error.
    package var isFound: Bool
  }

  /// Expands arguments in the order given; the files of a directory are sorted by path.
  ///
  /// - Throws: ``InputError/missing(file:)``, ``InputError/noLogs(directory:)``.
  package static func expand(_ argument: String) throws -> [File] {
    if argument == "-" { return [File(path: "-", isFound: false)] }
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: argument, isDirectory: &isDirectory) {
      guard isDirectory.boolValue else { return [File(path: argument, isFound: false)] }
      let files = try walk(argument)
      guard !files.isEmpty else { throw InputError.noLogs(directory: argument) }
      return files
    }
    let matches = glob(argument)
    guard !matches.isEmpty else { throw InputError.missing(file: argument) }
    return matches.map { File(path: $0, isFound: false) }
  }

  private static func walk(_ directory: String) throws -> [File] {
    // A link to a directory is not walked by itself.
    let root = URL(fileURLWithPath: directory).resolvingSymlinksInPath().path
    guard let walker = FileManager.default.enumerator(atPath: root) else {
      throw InputError.unreadable(file: directory, message: "cannot list the directory")
    }
    var paths: [String] = []
    for case let relative as String in walker {
      let name = (relative as NSString).lastPathComponent
      if name.hasPrefix(".") {
        walker.skipDescendants()
        continue
      }
      let path = (directory as NSString).appendingPathComponent(relative)
      // Reading a pipe or a device that lies in a directory could wait for ever.
      if isFile(path) == true { paths.append(path) }
    }
    return paths.sorted().map { File(path: $0, isFound: true) }
  }

  /// Whether an input gives the same bytes when it is read again: standard input and pipes do not.
  ///
  /// What is missing does too, namely none.
  static func canBeReadAgain(_ path: String) -> Bool { path != "-" && isFile(path) ?? true }

  /// Whether there is a file of bytes at a path; nil where there is nothing.
  private static func isFile(_ path: String) -> Bool? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & S_IFMT == S_IFREG : nil
  }

  private static func glob(_ pattern: String) -> [String] {
    var result = glob_t()
    defer { globfree(&result) }
    guard Foundation.glob(pattern, GLOB_TILDE, nil, &result) == 0 else { return [] }
    return (0..<Int(result.gl_pathc)).compactMap { index in
      result.gl_pathv[index].map { String(cString: $0) }
    }
  }
}
