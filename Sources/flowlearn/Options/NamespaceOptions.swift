import ArgumentParser
import AuditPipeline

/// Which namespaces a command works on.
struct NamespaceOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The namespace; may be given several times.", valueName: "name")
  )
  var namespace: [String] = []

  @Flag(name: [.customShort("A"), .long], help: "All namespaces that flows were seen of.")
  var allNamespaces = false

  /// The namespaces, or a usage error.
  func names(_ finder: WindowFinder) throws -> [String] {
    if allNamespaces {
      guard namespace.isEmpty else { throw ValidationError("-A and -n exclude each other.") }
      return finder.namespaces
    }
    let names = namespace.flatMap { $0.split(separator: ",").map(String.init) }
    guard !names.isEmpty else { throw ValidationError("Name a namespace with -n, or all with -A.") }
    return names
  }
}
