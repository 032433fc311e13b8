import ArgumentParser
import AuditPipeline
import FlowAggregation
import FlowModel
import FlowStorage
import JSONText
import PolicySynthesis

struct WorkloadsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workloads",
    abstract: "Show the workloads and the labels that tell them apart.",
    discussion: """
      Pods are one workload by owner, or by equal stable labels. Labels that change per pod, revision \
      or release are never used.

      Examples:

        flowlearn workloads -n app-prod
        flowlearn workloads -A -o json
      """
  )

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var namespaces: NamespaceOptions
  @OptionGroup var noise: NoiseOptions

  @Option(name: .shortAndLong, help: "The output format.")
  var output: ListFormat = .table

  func run() async throws {
    try await reporting {
      let stores = try storeOptions.open()
      let reader = try await EvidenceReader(stores, now: Clock.now)
      let finder = try await WindowFinder(stores, rollout: reader.rollout)
      let pods = try await stores.flows.podEndpoints(before: nil)
      let evidence = reader.fold([], pods: pods, until: Int64.max)
      var known = Set(evidence.workloads.map(\.namespace))
      known.formUnion(finder.namespaces)
      let wanted =
        namespaces.allNamespaces ? known : Set(try namespaces.names(finder))
      let rows = zip(evidence.workloads, evidence.workloadNames).filter {
        wanted.contains($0.0.namespace)
      }
      guard !rows.isEmpty else {
        throw EvidenceError.noFlows(
          namespace: wanted.sorted().joined(separator: ", "),
          known: finder.namespaces
        )
      }
      print(rows)
    }
  }

  private func print(_ rows: [(Workload, String)]) {
    switch output {
    case .table:
      var table = Table(
        ["WORKLOAD", "KIND", "EXPOSED", "SELECTOR", "LABELS"],
        dispensable: ["EXPOSED", "SELECTOR", "KIND"],
        shrinkable: [0],
        last: .wrapped
      )
      for (workload, name) in rows {
        let sets = workload.labelSets.map(\.description)
        table.add([
          name, workload.owner?.kind ?? "-",
          workload.isHostNetwork ? "host network" : workload.isExposed ? "yes" : "-",
          workload.selectorLabels.isEmpty ? "-" : workload.selectorLabels.description,
          sets.isEmpty ? "-" : sets.joined(separator: " | "),
        ])
      }
      Terminal.write(table)
    case .csv:
      Terminal.print("namespace,workload,kind,labels")
      for (workload, name) in rows {
        Terminal.print(
          [
            workload.namespace, name, workload.owner?.kind ?? "",
            workload.labelSets.map(\.description).joined(separator: " | "),
          ].map(CSV.field).joined(separator: ",")
        )
      }
    case .json: Terminal.print(JSONWriter.prettyText(.array(rows.map(json))))
    case .ndjson: for row in rows { Terminal.print(JSONWriter.text(json(row))) }
    }
  }

  private func json(_ row: (Workload, String)) -> JSONValue {
    let (workload, name) = row
    func labels(_ labels: Labels) -> JSONValue {
      .object(JSONObject(labels.elements.map { ($0.key, .string($0.value)) }))
    }
    return .object(
      JSONObject([
        ("namespace", .string(workload.namespace)), ("workload", .string(name)),
        ("kind", .string(workload.owner?.kind ?? "")),
        ("labels", .array(workload.labelSets.map(labels))),
        ("selector", labels(workload.selectorLabels)), ("exposed", .bool(workload.isExposed)),
        ("hostNetwork", .bool(workload.isHostNetwork)),
      ])
    )
  }
}
