import FlowGenerator
import Foundation

extension Benchmark {
  /// How many small files are ingested.
  private static let smallFiles = 2_000

  /// Ingests thousands of small files, as VPC flow logs come: what each costs beside its lines.
  func measureSmallFiles(_ cluster: GeneratedCluster) throws {
    let file = "\(folder)/small.log"
    let logs = "\(folder)/small"
    var writer = LogWriter(.vpc, cluster: cluster)
    // Somewhat more than is needed: a line has 135 bytes, a file 100 lines.
    let tally = try writer.write(to: file, bytes: Benchmark.smallFiles * 100 * 135)
    try? FileManager.default.removeItem(atPath: logs)
    try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
    defer {
      if !keeps {
        try? FileManager.default.removeItem(atPath: logs)
        try? FileManager.default.removeItem(atPath: file)
      }
    }
    let text = try String(contentsOfFile: file, encoding: .utf8)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: true)[...]
    guard let header = lines.popFirst() else { return }
    for number in 0..<Benchmark.smallFiles {
      // Of many lengths; both records of a connection stand in one file.
      let isLast = number + 1 == Benchmark.smallFiles
      let count = isLast ? lines.count : 20 + number * 37 % 80 * 2
      let part = ([header] + lines.prefix(count)).joined(separator: "\n") + "\n"
      lines = lines.dropFirst(count)
      try part.write(toFile: "\(logs)/\(10_000 + number).log", atomically: false, encoding: .utf8)
    }
    let inventory = try writeInventory(cluster)
    measure(
      "small  \(Benchmark.smallFiles) files",
      logs,
      Benchmark.smallFiles,
      .vpc,
      cluster,
      tally,
      inventory: inventory
    )
  }

  /// Ingests a Hubble log in files of 10 MB, as Cilium's exporter rotates them.
  func measureRotated(_ cluster: GeneratedCluster) throws {
    let file = "\(folder)/rotated.log"
    let logs = "\(folder)/rotated"
    var writer = LogWriter(.hubble, cluster: cluster)
    let tally = try writer.write(to: file, bytes: Int(size * 1e9))
    try? FileManager.default.removeItem(atPath: logs)
    try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
    defer {
      if !keeps {
        try? FileManager.default.removeItem(atPath: logs)
        try? FileManager.default.removeItem(atPath: file)
      }
    }
    guard let source = FileHandle(forReadingAtPath: file) else { return }
    var count = 0
    var rest = Data()
    while case let more = try source.read(upToCount: 10_000_000) ?? Data(), !more.isEmpty {
      let block = rest + more
      let end = block.lastIndex(of: 0x0a).map { $0 + 1 } ?? block.startIndex
      rest = Data(block[end...])
      try block[..<end].write(to: URL(fileURLWithPath: "\(logs)/\(10_000 + count).log"))
      count += 1
    }
    measure("rotated  \(count) files", logs, count, .hubble, cluster, tally, inventory: nil)
  }

  /// Ingests a file or directory into fresh stores, and prints the medians.
  func measure(
    _ title: String,
    _ logs: String,
    _ count: Int?,
    _ format: LogWriter.Format,
    _ cluster: GeneratedCluster,
    _ tally: LogWriter.Tally,
    inventory: String?,
    bytes: Int = 0
  ) {
    var store = ""
    let run = Child.median(runs) {
      store = freshStore("small")
      if let inventory { addInventory(inventory, to: store) }
      return Child.run([flowlearn, "ingest", "-q", "-j", String(threads), "--store", store, logs])
    }
    let pace =
      count.map { "\(round2(run.wall * 1000 / Double($0))) ms a file" }
      ?? "\(round2(Double(bytes) / 1e9 / run.wall)) GB/s"
    print(
      "\(title): \(round2(run.wall)) s wall, \(round2(run.processor)) s processor, "
        + "\(pace), \(run.memory >> 20) MiB peak"
        + (run.status == 0 ? "" : "  FAILED (\(run.status))")
    )
    print(
      "  " + StoredEdges(flowlearn, store: store).compared(with: tally, of: cluster, format) + "\n"
    )
  }
}
