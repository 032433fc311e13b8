import ArgumentParser
import AuditPipeline
import FlowStorage

/// Which namespaces a command works on.
struct NamespaceOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The namespace; may be given several times.", valueName: "name"),
    completion: NamespaceCompletion.kind
  )
  var namespace: [String] = []

  @Flag(name: [.customShort("A"), .long], help: "All namespaces that flows were seen of.")
  var allNamespaces = false

  func validate() throws {
    guard !allNamespaces || namespace.isEmpty else {
      throw ValidationError("-A and -n exclude each other.")
    }
    guard allNamespaces || !given.isEmpty else {
      throw ValidationError("Name a namespace with -n, or all with -A.")
    }
  }

  /// The names given, each once.
  private var given: [String] {
    var seen: Set<String> = []
    return namespace.flatMap { $0.split(separator: ",").map(String.init) }
      .filter { seen.insert($0).inserted }
  }

  /// The namespaces.
  func names(_ finder: WindowFinder) throws -> [String] {
    allNamespaces ? finder.namespaces : given
  }
}

/// The namespaces of the store, for shells that complete `-n`.
enum NamespaceCompletion {
  /// For options that take a namespace.
  static let kind: CompletionKind = .custom { words, _, _ async in await names(words) }

  /// The namespaces of the store that a line names; none when it cannot be read.
  ///
  /// A shell evaluates what it completes with, so a name that a log made up is never among them.
  static func names(_ words: [String]) async -> [String] {
    var options = StoreOptions()
    options.store = store(in: words)
    guard let stores = try? options.open(), let spans = try? await stores.flows.namespaces() else {
      return []
    }
    return spans.map(\.namespace).filter(isKubernetesName).sorted()
  }

  private static func store(in words: [String]) -> String? {
    if let place = words.firstIndex(of: "--store"), words.indices.contains(place + 1) {
      return words[place + 1]
    }
    return words.first { $0.hasPrefix("--store=") }.map { String($0.dropFirst("--store=".count)) }
  }

  private static func isKubernetesName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 63 && !name.hasPrefix("-")
      && name.utf8.allSatisfy {
        (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d
      }
  }
}
