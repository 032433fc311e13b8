import ArgumentParser
import AuditPipeline
import ClusterInventory
import FlowModel
import JSONText

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
      Takes JSON or YAML of kubectl get pods,services,endpointslices,nodes,namespaces,deployments,\
      statefulsets,daemonsets,cronjobs,jobs,replicasets,ingresses -A -o json; live network policies \
      too. Add snapshots of several times: addresses are resolved by time. Secrets are ignored.

      Examples:

        flowlearn inventory add sample-flows/pods.json
        flowlearn inventory add --at 2026-11-09T00:00:00Z snapshots/
      """
  )

  @Argument(help: "Files or directories of objects, or - for standard input.")
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

  func run() async throws {
    let time = try at.map(TimeText.parse)
    try await reporting {
      let stores = try storeOptions.open(create: true)
      let paths = try files.flatMap { try InputFiles.expand($0).map(\.path) }
      for addition in try await InventoryFiles(store: stores.audit).add(paths, time: time) {
        var line = "\(addition.file): \(addition.objects.grouped) objects"
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
      let rows: [(String, String)] = [
        ("snapshots", summary.snapshots.grouped),
        ("first snapshot", summary.firstSnapshot.map { Timestamps.text($0) } ?? "-"),
        ("last snapshot", summary.lastSnapshot.map { Timestamps.text($0) } ?? "-"),
        ("namespaces", summary.namespaces.grouped), ("workloads", summary.workloads.grouped),
        ("pods", summary.pods.grouped), ("pods running", summary.running.grouped),
        ("pods finished", summary.finished.grouped),
        ("pods on the host network", summary.hostNetwork.grouped),
        ("pods without address", summary.withoutAddress.grouped),
        ("services", summary.services.grouped), ("nodes", summary.nodes.grouped),
        ("addresses reused", summary.reusedAddresses.grouped),
        ("addresses ambiguous", summary.ambiguousAddresses.grouped),
        ("redacted values", summary.redacted.grouped),
      ]
      switch output {
      case .table:
        var table = Table(["WHAT", "COUNT"])
        for row in rows { table.add([row.0, row.1]) }
        Terminal.write(table)
      case .json:
        Terminal.print(
          JSONWriter.prettyText(
            .object(JSONObject(rows.map { (key: $0.0, value: .string($0.1)) }))
          )
        )
      }
    }
  }
}
