import ArgumentParser
import AuditPipeline
import ClusterInventory
import FlowModel
import JSONText
import Rollout

struct InventoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inventory",
    abstract: "Tell flowlearn what the cluster holds: which address was which pod, and when.",
    discussion: """
      Logs that name pods (Hubble, Calico) need no inventory; VPC flow logs hold addresses only and do. \
      Add it before the logs.

      Examples:

        flowlearn inventory add sample-flows/pods.json
        flowlearn inventory show
      """,
    subcommands: [InventoryAddCommand.self, InventoryShowCommand.self]
  )
}

struct InventoryAddCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Add cluster objects as kubectl prints them.",
    discussion: """
      Takes what kubectl get -A -o json (or yaml) prints: pods, services, endpointslices, nodes and \
      namespaces, and where you can the workloads that own the pods, ingresses and live network \
      policies. Add snapshots of several times: addresses are resolved by time. Secrets are ignored. A \
      store is for one cluster: a snapshot of another one is refused.

      Examples:

        flowlearn inventory add sample-flows/pods.json
        kubectl get pods,services,nodes -A -o json | flowlearn inventory add -
        flowlearn inventory add --at 2026-11-09T00:00:00Z snapshots/
      """
  )

  @Argument(
    help: "Files or directories of objects, or - for standard input.",
    completion: .file()
  )
  var files: [String]

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var noise: NoiseOptions

  @Option(
    help: ArgumentHelp(
      "When the objects were read from the cluster (default: the file's time).",
      valueName: "time"
    )
  )
  var at: String?

  @Flag(help: "Add a snapshot although it is of another cluster than those before.")
  var force = false

  func run() async throws {
    let time = try at.map(TimeText.parse)
    try await reporting {
      let stores = try storeOptions.open(create: true)
      let paths = try files.flatMap { try InputFiles.expand($0).map(\.path) }
      let inventory = InventoryFiles(store: stores.audit)
      for addition in try await inventory.add(paths, time: time, ofAnyCluster: force) {
        var line = "\(addition.file): \(addition.objects.counted("object"))"
        if addition.policies > 0 { line += ", \(addition.policies.grouped) live policies" }
        line += " as of \(Timestamps.text(addition.time))"
        if addition.counts.redacted > 0 {
          line += "; \(addition.counts.redacted.grouped) redacted values are no use as addresses"
        }
        if addition.counts.secrets > 0 {
          line += "; \(addition.counts.secrets.grouped) Secrets ignored"
        }
        noise.note(line)
      }
      let late = noise.quiet ? 0 : try await LateInventory.unnamedAddresses(stores)
      if late > 0 {
        noise.note(
          "addresses of logs ingested before that have a name by now: \(late.grouped); what is stored keeps "
            + "them bare, so ingest these logs into a new store"
        )
      }
      for event in try await NamespacePresence.record(stores, who: Actor.name) {
        noise.note("recorded: \(event.summary)")
      }
    }
  }
}

struct InventoryShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show what the inventory knows, and how sure it is.",
    discussion: """
      Examples:

        flowlearn inventory show
        flowlearn inventory show -o json
      """
  )

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case table, json
  }

  @OptionGroup var storeOptions: StoreOptions

  @Option(name: .shortAndLong, help: "The output format.")
  var output: Format = .table

  func run() async throws {
    try await reporting {
      let stores = try storeOptions.open()
      let inventory = try await InventoryFiles(store: stores.audit).load()
      guard !inventory.records.isEmpty else {
        throw CommandFailure(
          "the inventory is empty",
          hint: "kubectl get pods,services,nodes,namespaces -A -o json > objects.json; "
            + "flowlearn inventory add objects.json"
        )
      }
      let summary = inventory.summary(AddressTable(inventory))
      let times = [
        ("first snapshot", "firstSnapshot", summary.firstSnapshot),
        ("last snapshot", "lastSnapshot", summary.lastSnapshot),
      ]
      let counts = [
        ("snapshots", "snapshots", summary.snapshots),
        ("namespaces", "namespaces", summary.namespaces),
        ("workloads", "workloads", summary.workloads), ("pods", "pods", summary.pods),
        ("pods running", "podsRunning", summary.running),
        ("pods finished", "podsFinished", summary.finished),
        ("pods on the host network", "podsOnHostNetwork", summary.hostNetwork),
        ("pods without address", "podsWithoutAddress", summary.withoutAddress),
        ("services", "services", summary.services), ("nodes", "nodes", summary.nodes),
        ("addresses reused", "addressesReused", summary.reusedAddresses),
        ("addresses ambiguous", "addressesAmbiguous", summary.ambiguousAddresses),
        ("redacted values", "redactedValues", summary.redacted),
        ("pods taken to run on after the last snapshot", "podsTakenToRunOn", summary.openEnded),
        ("target ports without a number", "targetPortsUnknown", summary.unresolvedTargetPorts),
        ("slice targets that are no known pod", "sliceTargetsUnknown", summary.unknownSliceTargets),
      ]
      switch output {
      case .table:
        var table = Table(["WHAT", "VALUE"])
        for time in times { table.add([time.0, time.2.map { Timestamps.text($0) } ?? "-"]) }
        for count in counts { table.add([count.0, count.2.grouped]) }
        Terminal.write(table)
      case .json:
        let members =
          times.compactMap { time in
            time.2.map { (key: time.1, value: JSONValue.string(Timestamps.text($0))) }
          } + counts.map { (key: $0.1, value: JSONValue.number(String($0.2))) }
        Terminal.print(JSONWriter.prettyText(.object(JSONObject(members))))
      }
    }
  }
}
