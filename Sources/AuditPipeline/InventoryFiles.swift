package import ClusterInventory
import FlowModel
package import FlowStorage
import Foundation
import JSONText
import Synchronization

/// What an inventory file added.
package struct InventoryAddition: Sendable {
  /// The file.
  package var file: String
  /// The time of the snapshot, microseconds UTC.
  package var time: Int64
  /// Objects read.
  package var objects: Int
  /// Live policies read.
  package var policies: Int
  /// What else was in it.
  package var counts: InventoryReadCounts
}

/// Reads cluster objects from files and keeps them.
package struct InventoryFiles: Sendable {
  private let store: any AuditStore

  /// Makes a step.
  package init(store: any AuditStore) { self.store = store }

  /// The stored inventory; empty when nothing was added.
  package func load(cluster: String = "") async throws -> Inventory {
    let stored = try await store.inventory()
    return Inventory(
      cluster: cluster,
      headers: try stored.headers.map { try SnapshotHeader(decoding: $0.header) },
      records: try InventoryFiles.records(stored.objects)
    )
  }

  /// Objects below which one thread is enough.
  private static let leastPart = 250

  /// Decodes stored objects, in their order, on every core: a cluster of 20,000 pods takes a second on one.
  private static func records(_ objects: [StoredObject]) throws -> [InventoryRecord] {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let count = max(1, min(cores, objects.count / leastPart))
    let parts = Mutex<[Int: Result<[InventoryRecord], any Error>]>([:])
    DispatchQueue.concurrentPerform(iterations: count) { part in
      let range = objects.count * part / count..<objects.count * (part + 1) / count
      let result = Result {
        try objects[range].map {
          InventoryRecord(
            object: try InventoryObject(decoding: $0.body),
            first: $0.firstSeen,
            last: $0.lastSeen
          )
        }
      }
      parts.withLock { $0[part] = result }
    }
    let results = parts.withLock { $0 }
    return try (0..<count).flatMap { try results[$0]?.get() ?? [] }
  }

  /// Adds files as one snapshot.
  ///
  /// - Parameters:
  ///   - paths: JSON or YAML as kubectl prints it.
  ///   - time: When the objects were read from the cluster; nil takes the newest time in the
  ///     objects or the file's own, whichever is later.
  ///   - ofAnyCluster: Whether a snapshot of another cluster than those before is added all the same.
  /// - Throws: ``InputError``, ``InventoryError``; nothing is stored then.
  package func add(
    _ paths: [String],
    time: Int64?,
    ofAnyCluster: Bool = false
  ) async throws -> [InventoryAddition] {
    var additions: [InventoryAddition] = []
    var inventory = try await load()
    var policies: [StoredPolicy] = []
    var newestPolicy: Int64 = 0
    for path in paths {
      let reader = try InventoryFiles.read(path)
      let taken = time ?? max(InventoryFiles.modified(path), reader.newestObjectTime ?? 0)
      let snapshot = InventorySnapshot(
        time: taken,
        objects: reader.objects,
        redacted: reader.counts.redacted
      )
      if !ofAnyCluster, let object = inventory.sign(ofOtherCluster: snapshot) {
        throw InventoryError.otherCluster(file: path, object: object)
      }
      inventory.add(snapshot)
      for policy in reader.policies {
        policies.append(InventoryFiles.stored(policy, seen: taken))
      }
      if !reader.policies.isEmpty { newestPolicy = max(newestPolicy, taken) }
      additions.append(
        InventoryAddition(
          file: path,
          time: taken,
          objects: reader.objects.count,
          policies: reader.policies.count,
          counts: reader.counts
        )
      )
    }
    try await store.replaceInventory(
      headers: inventory.headers.map { StoredSnapshot(time: $0.time, header: $0.encode()) },
      objects: inventory.records.map { record in
        let metadata = record.object.metadata
        return StoredObject(
          kind: record.object.kind,
          namespace: metadata.namespace,
          name: metadata.name,
          uid: metadata.uid,
          body: record.object.encode(),
          firstSeen: record.first,
          lastSeen: record.last
        )
      }
    )
    if !policies.isEmpty {
      try await store.replaceLivePolicies(policies, seen: newestPolicy)
    }
    return additions
  }

  private static func stored(_ policy: JSONValue, seen: Int64) -> StoredPolicy {
    StoredPolicy(
      kind: policy["kind"]?.string ?? "",
      namespace: policy["metadata"]?["namespace"]?.string ?? "",
      name: policy["metadata"]?["name"]?.string ?? "",
      manifest: JSONWriter.text(policy),
      seen: seen
    )
  }

  private static func modified(_ path: String) -> Int64 {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    let date = attributes?[.modificationDate] as? Date ?? Date(timeIntervalSince1970: 0)
    return Int64(date.timeIntervalSince1970) * Timestamps.second
  }

  private static func read(_ path: String) throws -> InventoryReader {
    let text = try TextFile.read(path)
    var reader = InventoryReader()
    for document in try documents(text, file: path) {
      try reader.read(document, file: path)
    }
    return reader
  }

  /// JSON values one after another, or YAML documents.
  private static func documents(_ text: String, file: String) throws -> [JSONValue] {
    let trimmed = text.drop { $0.isWhitespace }
    guard trimmed.first == "{" || trimmed.first == "[" else {
      do {
        return try YAMLText.documents(text).filter { $0 != .null }
      } catch let failure as YAMLText.Failure {
        throw InputError.malformed(file: file, problem: failure.problem)
      }
    }
    let bytes = Array(text.utf8)
    var values: [JSONValue] = []
    var position = 0
    do {
      while position < bytes.count {
        values.append(
          try JSONParser.parsePrefix(
            bytes.span.bytes,
            from: &position,
            skippingKeys: ["managedFields"]
          )
        )
        while position < bytes.count, bytes[position] <= 0x20 { position += 1 }
      }
    } catch {
      let line = bytes[..<min(error.offset, bytes.count)].count { $0 == 0x0a } + 1
      throw InputError.malformed(file: file, problem: "line \(line): \(error.problem.rawValue)")
    }
    return values
  }
}

extension YAMLText.Failure {
  /// In a few words.
  var problem: String {
    switch self {
    case .malformed(let message, let line): line.map { "line \($0): \(message)" } ?? message
    case .tooLarge: "its aliases expand to too much"
    }
  }
}

/// Small text files read whole.
package enum TextFile {
  /// The content of a file or a pipe, or of standard input for `-`, without a byte order mark.
  ///
  /// - Throws: ``InputError``.
  package static func read(_ path: String) throws -> String {
    let name = path == "-" ? "standard input" : path
    let source =
      path == "-"
      ? DescriptorSource(descriptor: STDIN_FILENO, name: name, ownsDescriptor: false)
      : try DescriptorSource(path: path)
    // Read to its end whatever it is: a pipe tells no size.
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = try buffer.withUnsafeMutableBytes({ try source.read(into: $0) }),
      count > 0
    {
      bytes += buffer[..<count]
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw InputError.unreadable(file: name, message: "it is not UTF-8 text")
    }
    return text.unicodeScalars.first == "\u{feff}" ? String(text.unicodeScalars.dropFirst()) : text
  }
}
