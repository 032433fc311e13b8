import FlowGenerator
import Foundation

/// Measures ingest from file to committed rows, propose and check, and compares with DuckDB.
@main
struct Benchmark {
  static let usage = """
    Usage: ./run [--size GB] [--runs N] [--threads N] [--folder DIR] [--only NAME] [--keep yes]

    Generates logs, ingests each into a fresh store and prints GB/s, GB per processor second and peak
    memory, with the ratio to DuckDB doing the same aggregation where python3 has the duckdb module.
    What is stored is compared with what was generated, edge by edge and count by count.
    Figures are medians of the runs. Names: hubble, churn, calico, vpc, default, nodes, gzip, zstd, small,
    rotated, shapes, policy; and store, which is run by name only: queries of a store of 50 million edge-hours (3 GB).
    """

  let flowlearn: String
  let folder: String
  let size: Double
  let runs: Int
  let threads: Int
  let only: String?
  /// Whether the generated logs stay.
  let keeps: Bool

  static func main() throws {
    var options: [String: String] = [:]
    var arguments = CommandLine.arguments.dropFirst()
    while let name = arguments.popFirst() {
      guard name.hasPrefix("--"), name != "--help", let value = arguments.popFirst() else {
        print(usage)
        exit(name == "--help" ? 0 : 64)
      }
      options[String(name.dropFirst(2))] = value
    }
    let benchmark = Benchmark(
      flowlearn: options["flowlearn"] ?? "flowlearn",
      folder: options["folder"] ?? ".build/data",
      size: Double(options["size"] ?? "1") ?? 1,
      runs: Int(options["runs"] ?? "3") ?? 3,
      threads: Int(options["threads"] ?? "2") ?? 2,
      only: options["only"],
      keeps: options["keep"] == "yes"
    )
    try FileManager.default.createDirectory(
      atPath: benchmark.folder,
      withIntermediateDirectories: true
    )
    try benchmark.run()
  }

  /// What is measured unless one is named.
  private static let usual = [
    "hubble", "churn", "calico", "vpc", "default", "nodes", "gzip", "zstd", "small", "rotated",
    "shapes", "policy",
  ]

  func run() throws {
    guard let only else {
      print("flowlearn benchmarks, \(Self.machine)")
      print("medians of \(runs) runs, \(threads) threads each\n")
      for name in Self.usual { runAlone(name) }
      return
    }
    let usual = GeneratedCluster(namespaces: 60, workloads: 1_500, pods: 2, edges: 6_000)
    let wide = GeneratedCluster(namespaces: 60, workloads: 24_000, pods: 2, edges: 118_000)
    switch only {
    case "hubble": try measure(only, .hubble, usual, gigabytes: size)
    case "churn": try measure(only, .hubble, wide, gigabytes: size)
    case "calico": try measure(only, .calico, usual, gigabytes: size * 0.3)
    case "vpc": try measure(only, .vpc, usual, gigabytes: size * 0.5)
    case "default": try measure(only, .vpcDefault, usual, gigabytes: size * 0.4)
    case "nodes": try measure(only, .vpcNodes, usual, gigabytes: size * 0.4)
    case "gzip":
      try measure(only, .hubble, usual, gigabytes: size * 0.5, compressedBy: ["gzip", "-kf", "-1"])
    case "zstd":
      try measure(only, .hubble, usual, gigabytes: size * 0.5, compressedBy: ["zstd", "-qf", "-3"])
    case "small": try measureSmallFiles(usual)
    case "rotated": try measureRotated(usual)
    case "shapes": try measureShapes(usual)
    case "policy": try measurePolicy()
    case "store": try measureStore()
    default:
      print(Self.usage)
      exit(64)
    }
  }

  /// Measures one in a process of its own: the kernel counts a parent's memory as its child's peak.
  private func runAlone(_ name: String) {
    let measured = Child.run(
      CommandLine.arguments + ["--only", name],
      passesErrors: true
    )
    print(measured.output, terminator: "")
    if measured.status != 0 { print("\(name)  FAILED (\(measured.status))\n") }
  }

  static var machine: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model =
      text.split(separator: "\n").first { $0.hasPrefix("model name") }
      .map { $0.split(separator: ":").last.map(String.init) ?? "" } ?? ""
    let cores = ProcessInfo.processInfo.activeProcessorCount
    return
      "\(cores) cores,\(model), \(String(ISO8601DateFormatter().string(from: Date()).prefix(10)))"
  }

  // MARK: Ingest

  private func measure(
    _ name: String,
    _ format: LogWriter.Format,
    _ cluster: GeneratedCluster,
    gigabytes: Double,
    compressedBy compressor: [String]? = nil
  ) throws {
    var file = "\(folder)/\(name).log"
    var writer = LogWriter(format, cluster: cluster)
    let tally = try writer.write(to: file, bytes: Int(gigabytes * 1e9))
    let bytes =
      (try FileManager.default.attributesOfItem(atPath: file)[.size] as? NSNumber)?.doubleValue ?? 0
    // Read once, so that every program finds the file in the page cache.
    let lines = Child.median(runs) { Child.run(["wc", "-l", file]) }
    if let compressor {
      let made = Child.run(compressor + [file])
      try FileManager.default.removeItem(atPath: file)
      guard made.status == 0 else {
        print("\(name)  \(compressor[0]) is not there: left out\n")
        return
      }
      file += compressor[0] == "gzip" ? ".gz" : ".zst"
    }
    defer { if !keeps { try? FileManager.default.removeItem(atPath: file) } }
    let inventory = format.needsInventory ? try writeInventory(cluster) : nil
    var store = ""
    func ingest() -> Measurement {
      store = freshStore(name)
      if let inventory { addInventory(inventory, to: store) }
      return Child.run([
        flowlearn, "ingest", "-q", "-j", String(threads), "--store", store, file,
      ])
    }
    let others = DuckDB.comparisons(format, file: file, inventory: inventory, threads: threads)
    let measured = Child.medians(
      runs,
      [ingest] + others.map { other in { Child.run(other.command) } }
    )
    let ours = measured[0]
    report(name, "flowlearn", ours, bytes: bytes)
    print(
      "  \(tally.records) records; processor time is \(ratio(ours.processor, lines.processor)) x that of wc -l"
    )
    print("  " + StoredEdges(flowlearn, store: store).compared(with: tally, of: cluster, format))
    if others.isEmpty {
      print("  python3 without the duckdb module: no comparison (pip install duckdb)")
    }
    for (other, run) in zip(others, measured.dropFirst()) {
      report(name, other.name, run, bytes: bytes)
      print(
        "  \(other.name) / flowlearn: wall \(ratio(run.wall, ours.wall)) x, processor \(ratio(run.processor, ours.processor)) x"
      )
      print("  counted \(run.output.trimmingCharacters(in: .whitespacesAndNewlines))")
    }
    print()
  }

  /// Makes an inventory known to a store.
  func addInventory(_ inventory: String, to store: String) {
    _ = Child.run([
      flowlearn, "inventory", "add", "--at", "2026-11-16T00:00:00Z", "--store", store, inventory,
    ])
  }

  /// The path of a store that does not exist yet.
  func freshStore(_ name: String) -> String {
    let store = "\(folder)/\(name).db"
    for ending in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: store + ending)
    }
    return store
  }

  private func report(_ name: String, _ program: String, _ run: Measurement, bytes: Double) {
    let wall = round2(bytes / 1e9 / run.wall)
    let processor = round2(bytes / 1e9 / run.processor)
    let megabytes = run.memory / (1 << 20)
    print(
      "\(name)  \(program): \(round2(run.wall)) s wall, \(round2(run.processor)) s processor, "
        + "\(wall) GB/s, \(processor) GB per processor second, \(megabytes) MiB peak"
        + (run.status == 0 ? "" : "  FAILED (\(run.status))")
    )
  }

  private func ratio(_ left: Double, _ right: Double) -> Double { round2(left / max(right, 1e-9)) }

  func round2(_ value: Double) -> Double { (value * 100).rounded() / 100 }

  /// The cluster's pods and nodes, so that addresses have names.
  func writeInventory(_ cluster: GeneratedCluster) throws -> String {
    var items: [String] = []
    for workload in 0..<cluster.workloads {
      for pod in 0..<cluster.pods {
        let name = cluster.name(workload)
        let node = cluster.node(workload, pod: pod)
        items.append(
          #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"\#(name)-7c78889d59-p\#(pod)","namespace":"\#(cluster.namespace(workload))","labels":{"app":"\#(name)","pod-template-hash":"7c78889d59"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"\#(name)-7c78889d59","controller":true}]},"spec":{"nodeName":"\#(cluster.nodeName(node))"},"status":{"phase":"Running","hostIP":"\#(cluster.nodeAddress(node))","podIP":"\#(cluster.address(workload, pod: pod))","startTime":"2026-10-01T00:00:00Z"}}"#
        )
      }
    }
    for node in 0..<cluster.nodes {
      items.append(
        #"{"apiVersion":"v1","kind":"Node","metadata":{"name":"\#(cluster.nodeName(node))","creationTimestamp":"2026-10-01T00:00:00Z"},"status":{"addresses":[{"type":"InternalIP","address":"\#(cluster.nodeAddress(node))"}]}}"#
      )
    }
    let path = "\(folder)/pods.json"
    let text =
      #"{"apiVersion":"v1","kind":"List","items":["# + items.joined(separator: ",\n") + "]}"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }
}
