import FlowGenerator
import Foundation

/// Measures ingest from file to committed rows, propose and check, and compares with DuckDB.
@main
struct Benchmark {
  static let usage = """
    Usage: ./run [--size GB] [--runs N] [--threads N] [--folder DIR] [--only NAME] [--keep yes]

    Generates logs, ingests each into a fresh store and prints GB/s, GB per processor second and peak
    memory, with the ratio to DuckDB doing the same aggregation where python3 has the duckdb module.
    Figures are medians of the runs. Names: hubble, churn, calico, vpc, gzip, policy.
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

  func run() throws {
    print("flowlearn benchmarks, \(Self.machine)")
    print("medians of \(runs) runs, \(threads) threads each\n")
    let usual = GeneratedCluster(namespaces: 60, workloads: 1_500, pods: 2, edges: 6_000)
    try measure("hubble", .hubble, usual, gigabytes: size)
    let wide = GeneratedCluster(namespaces: 60, workloads: 24_000, pods: 2, edges: 118_000)
    try measure("churn", .hubble, wide, gigabytes: size)
    try measure("calico", .calico, usual, gigabytes: size * 0.3)
    try measure("vpc", .vpc, usual, gigabytes: size * 0.5)
    try measure("gzip", .hubble, usual, gigabytes: size * 0.5, compressed: true)
    try measurePolicy()
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
    compressed: Bool = false
  ) throws {
    guard only == nil || only == name else { return }
    var file = "\(folder)/\(name).log"
    var writer = LogWriter(format, cluster: cluster)
    let records = try writer.write(to: file, bytes: Int(gigabytes * 1e9))
    let bytes =
      (try FileManager.default.attributesOfItem(atPath: file)[.size] as? NSNumber)?.doubleValue ?? 0
    // Read once, so that every program finds the file in the page cache.
    let lines = Child.median(runs) { Child.run(["wc", "-l", file]) }
    if compressed {
      _ = Child.run(["gzip", "-kf", "-1", file])
      try FileManager.default.removeItem(atPath: file)
      file += ".gz"
    }
    defer { if !keeps { try? FileManager.default.removeItem(atPath: file) } }
    let store = "\(folder)/\(name).db"
    let inventory = format == .vpc ? try writeInventory(cluster) : nil
    let ours = Child.median(runs) {
      for ending in ["", "-wal", "-shm"] {
        try? FileManager.default.removeItem(atPath: store + ending)
      }
      if let inventory {
        _ = Child.run([
          flowlearn, "inventory", "add", "--at", "2026-11-16T00:00:00Z", "--store", store,
          inventory,
        ])
      }
      return Child.run([
        flowlearn, "ingest", "-q", "-j", String(threads), "--store", store, file,
      ])
    }
    report(name, "flowlearn", ours, bytes: bytes)
    print(
      "  \(records) records; processor time is \(ratio(ours.processor, lines.processor)) x that of wc -l"
    )
    check(name, store: store, cluster: cluster, format: format)
    guard let duck = DuckDB.run(format, file: file, threads: threads, runs: runs) else {
      print("  python3 without the duckdb module: no comparison (pip install duckdb)\n")
      return
    }
    report(name, "DuckDB", duck, bytes: bytes)
    print(
      "  DuckDB / flowlearn: wall \(ratio(duck.wall, ours.wall)) x, processor \(ratio(duck.processor, ours.processor)) x"
    )
    print("  DuckDB counted \(duck.output.trimmingCharacters(in: .whitespacesAndNewlines))\n")
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

  /// Compares the stored edges with those that were generated.
  private func check(
    _ name: String,
    store: String,
    cluster: GeneratedCluster,
    format: LogWriter.Format
  ) {
    let listed = Child.run([flowlearn, "flows", "-A", "-q", "-o", "csv", "--store", store])
    var keys: Set<Substring> = []
    for line in listed.output.split(separator: "\n").dropFirst() {
      let fields = line.split(separator: ",")
      if fields.count > 3 { keys.insert(line[..<fields[3].endIndex]) }
    }
    print("  \(keys.count) distinct edges stored, \(cluster.edges.count) generated")
  }

  private func ratio(_ left: Double, _ right: Double) -> Double { round2(left / max(right, 1e-9)) }

  private func round2(_ value: Double) -> Double { (value * 100).rounded() / 100 }

  /// The cluster's pods, so that addresses have names.
  private func writeInventory(_ cluster: GeneratedCluster) throws -> String {
    var items: [String] = []
    for workload in 0..<cluster.workloads {
      for pod in 0..<cluster.pods {
        let name = cluster.name(workload)
        items.append(
          #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"\#(name)-7c78889d59-p\#(pod)","namespace":"\#(cluster.namespace(workload))","labels":{"app":"\#(name)","pod-template-hash":"7c78889d59"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"\#(name)-7c78889d59","controller":true}]},"status":{"phase":"Running","podIP":"\#(cluster.address(workload, pod: pod))","startTime":"2026-10-01T00:00:00Z"}}"#
        )
      }
    }
    let path = "\(folder)/pods.json"
    let text =
      #"{"apiVersion":"v1","kind":"List","items":["# + items.joined(separator: ",\n") + "]}"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  // MARK: Policy

  /// Propose and check of a large cluster: 1,500 workloads, 10,000 edges, 60 namespaces.
  private func measurePolicy() throws {
    guard only == nil || only == "policy" else { return }
    let cluster = GeneratedCluster(namespaces: 60, workloads: 1_500, pods: 1, edges: 10_000)
    let file = "\(folder)/policy.log"
    var writer = LogWriter(.hubble, cluster: cluster)
    _ = try writer.write(to: file, bytes: 400_000_000)
    defer { if !keeps { try? FileManager.default.removeItem(atPath: file) } }
    let store = "\(folder)/policy.db"
    for ending in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: store + ending)
    }
    _ = Child.run([flowlearn, "ingest", "-q", "--store", store, file])
    let propose = Child.median(runs) {
      Child.run([flowlearn, "propose", "-A", "-q", "--week", "all", "--store", store])
    }
    let policies = "\(folder)/policies.yaml"
    try propose.output.write(toFile: policies, atomically: true, encoding: .utf8)
    let check = Child.median(runs) {
      Child.run([flowlearn, "check", "-q", "--denied", "--store", store, policies])
    }
    print(
      "policy  propose -A: \(round2(propose.wall)) s wall, \(round2(propose.processor)) s processor, "
        + "\(propose.memory >> 20) MiB peak, exit \(propose.status >> 8)"
    )
    print(
      "policy  check: \(round2(check.wall)) s wall, \(round2(check.processor)) s processor, "
        + "\(check.memory >> 20) MiB peak, exit \(check.status >> 8)"
    )
  }
}
