package import JSONText

/// Why a document cannot be read as cluster inventory.
///
/// `item` counts from 0 in the document's list; a document that is one object is item 0.
package enum InventoryError: Error, Hashable, Sendable {
  /// Neither a Kubernetes object nor a list of them.
  case notAnInventory(file: String)
  /// A `cluster-info dump` of 2017 with capitalised field names (`Items`, `Spec`).
  case oldDump(file: String)
  /// A field that every object of the kind has is not there.
  case missing(file: String, item: Int, path: String)
  /// A field holds what it cannot hold.
  case malformed(file: String, item: Int, path: String)
  /// Objects of another cluster than those known; the kind and name of one that tells.
  case otherCluster(file: String, object: String)
  /// A stored object is not JSON.
  case notJSON(JSONError)
  /// A stored object is of a kind that is not kept.
  case unknownKind
}

extension InventoryError: CustomStringConvertible {
  /// One sentence.
  package var description: String {
    switch self {
    case .notAnInventory(let file):
      "\(file): neither a Kubernetes object nor a list of objects"
    case .oldDump(let file):
      "\(file): a cluster dump of 2017 with capitalised field names, which is not read; "
        + "use kubectl get -A -o json"
    case .missing(let file, let item, let path):
      "\(file): item \(item): field \"\(path)\" is missing"
    case .malformed(let file, let item, let path):
      "\(file): item \(item): field \"\(path)\" is malformed"
    case .otherCluster(let file, let object):
      "\(file): the \(object) in it is another one than in the snapshots added before: "
        + "it is of another cluster"
    case .notJSON(let error): "a stored object is not JSON: \(error)"
    case .unknownKind: "a stored object is of a kind that is not kept"
    }
  }
}
