import ArgumentParser
import AuditPipeline
import ClusterInventory
import FlowModel
import FlowStorageSQLite
import PolicyManifests
import Rollout

/// An error with what to do next.
struct CommandFailure: Error {
  /// What happened, one sentence without the final stop.
  var message: String
  /// What to do next.
  var hint: String?

  init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }
}

extension CommandFailure {
  /// The failure behind any error of the steps; nil when it is none of theirs.
  init?(_ error: any Error) {
    switch error {
    case let failure as CommandFailure: self = failure
    case let error as InputError:
      self = CommandFailure(input: error)
      if message.hasPrefix("-:") { message = "standard input" + message.dropFirst() }
    case let error as SQLiteStoreError: self = CommandFailure(store: error)
    case let error as EvidenceError: self = CommandFailure(evidence: error)
    case let error as RolloutError:
      self.init(error.description)
    case let error as ManifestError: self.init(error.description)
    case let error as InventoryError: self = CommandFailure(inventory: error)
    case let error as DecisionFileError: self.init(error.description)
    case let error as StepFileError: self.init(error.description)
    case let error as RolloutStepError: self.init(error.description)
    default: return nil
    }
  }

  private init(input error: InputError) {
    switch error {
    case .missing(""):
      self.init("an empty file name was given", hint: "Is a variable of the shell not set?")
    case .missing(let file) where file.contains(where: { "*?[".contains($0) }):
      self.init("\(file): no file matches this pattern")
    case .missing(let file):
      self.init("\(file): no such file", hint: "A quoted pattern such as 'logs/*.gz' works too.")
    case .unreadable(let file, let message):
      self.init("\(file): it cannot be read: \(message)", hint: "Nothing of it was stored.")
    case .noLogs(let directory):
      self.init(
        "\(directory): no file in this directory is a flow log",
        hint: "Name the files, or give --format if their format is not recognised."
      )
    case .binary(let file):
      self.init(
        "\(file): this is binary data, not a flow log",
        hint: "Logs are read as text, plain or compressed with gzip or zstd."
      )
    case .wideText(let file):
      self.init(
        "\(file): this is UTF-16 text, which is not read",
        hint: "Convert it first: iconv -f UTF-16 -t UTF-8 '\(file)' > flows.log"
      )
    case .needsInventory(let file, let format):
      self.init(
        "\(file): this \(format) log holds addresses only, and no inventory says which pods they are",
        hint:
          "kubectl get pods,services,endpointslices,nodes,namespaces -A -o json > objects.json; "
          + "flowlearn inventory add objects.json; then ingest it again. Nothing of it was stored."
      )
    case .damaged(let file, let compression, let problem):
      self.init(
        "\(file): damaged \(compression) data: \(problem)",
        hint: "Copy the file again; nothing of it was stored."
      )
    case .unknownFormat(let file):
      self.init(
        "\(file): no known flow log format",
        hint:
          "--format hubble, calico, aws-vpc, ... says which it is; VPC flow logs without a header need "
          + "--fields; objects of the cluster go to flowlearn inventory add."
      )
    case .nothingRecognized(let file, let format, let problem, let line):
      self.init(
        "\(file):\(line): not a single \(format) record could be read: \(problem)",
        hint: "If it is another format, --format says which (flowlearn ingest --help)."
      )
    case .differentContinuation(let file, _):
      self.init(
        "\(file) starts like an input that was ingested before but goes on differently",
        hint: "Save it to a file and ingest that."
      )
    case .storedAlready(let file):
      self.init(
        "\(file): an input that starts alike is stored already, or is being stored right now",
        hint: "Save it to a file and ingest that: what was counted is then left out."
      )
    case .parquet(let file):
      self.init(
        "\(file): Parquet is not read",
        hint:
          "Convert it first: duckdb -c \"COPY (SELECT * FROM '\(file)') TO 'flows.json'\""
      )
    case .strict(let file, let line, let problem, let count):
      self.init(
        "\(file):\(line): \(problem) (\(count) records refused, --strict)",
        hint: "Without --strict such records are counted and left out."
      )
    case .malformed(let file, let problem): self.init("\(file): \(problem)")
    }
  }

  private init(inventory error: InventoryError) {
    self.init(Terminal.escaped("\(error)"))
    if case .otherCluster = error {
      hint =
        "Keep a store for each cluster: --store names another one. Was this cluster set up anew, "
        + "--force adds it all the same. Nothing was stored."
    }
  }

  private init(store error: SQLiteStoreError) {
    switch error {
    case .missing(let path):
      self.init(
        "\(path): there is no store yet",
        hint: "flowlearn ingest FILE makes one; --store names another."
      )
    case .notOurs(let path):
      self.init("\(path): this is not a flowlearn store", hint: "--store names another file.")
    case .newer(let path, let migration):
      self.init(
        "\(path): a newer flowlearn wrote this store (it has \(migration))",
        hint: "Update flowlearn."
      )
    case .readOnly(let path):
      self.init(
        "\(path): the store cannot be written",
        hint: "The store is as it was before; who may write to the file and its directory?"
      )
    case .locked(let path):
      self.init(
        "\(path): another process has the store locked",
        hint: "The store is as it was before; try again when the other is done."
      )
    case .full(let path):
      self.init("\(path): no space left on the disk", hint: "The store is as it was before.")
    case .unopenable(let path, let reason): self.init(unopenable: path, reason)
    case .failed(let path, let message): self.init("\(path): \(message)")
    }
  }

  private init(unopenable path: String, _ reason: Unopenable) {
    switch reason {
    case .isDirectory:
      self.init("\(path): this is a directory", hint: "--store takes the path of a file.")
    case .noParent: self.init("\(path): the directory of the store does not exist")
    case .permission: self.init("\(path): permission denied")
    case .readOnlyDirectory:
      self.init(
        "\(path): the store cannot be read where nothing can be written beside it",
        hint: "Copy it to a directory that you may write to, and name the copy with --store."
      )
    }
  }

  private init(evidence error: EvidenceError) {
    switch error {
    case .noFlows(let namespace, let known):
      let list = known.isEmpty ? "none" : known.prefix(8).joined(separator: ", ")
      self.init(
        "no flow of namespace \(namespace) was seen",
        hint: "Namespaces with flows: \(list)."
      )
    case .noSuchWeek(let namespace, let week, let latest):
      self.init(
        "namespace \(namespace) has no evidence for week \(week); the latest week is \(latest)",
        hint: "flowlearn weeks -n \(namespace) lists the weeks."
      )
    case .severalClusters(let namespace, let clusters):
      let list = Terminal.escaped(clusters.joined(separator: ", "))
      self.init(
        "namespace \(Terminal.escaped(namespace)) has pods of several clusters in this store: \(list)",
        hint: "--cluster NAME takes one of them; for the rollout keep a store for each cluster."
      )
    case .noSuchCluster(let cluster, let known):
      let list = Terminal.escaped(known.joined(separator: ", "))
      self.init(
        "no pod of cluster \(Terminal.escaped(cluster)) was seen",
        hint: "Clusters with flows: \(list)."
      )
    case .nothingInWindow(let namespace, let window) where window.start == window.end:
      self.init(
        "no flow of namespace \(namespace) since its audit began at \(Timestamps.text(window.start))",
        hint: "--since and --until reach older flows."
      )
    case .nothingInWindow(let namespace, let window):
      self.init(
        "no flow of namespace \(namespace) between \(Timestamps.text(window.start)) and "
          + "\(Timestamps.text(window.end))",
        hint: "--since and --until reach other times; --week all takes all weeks."
      )
    }
  }
}

/// Runs a command's body and turns errors into messages and exit codes (0, 1, 2, 64).
func reporting(_ body: () async throws -> Void) async throws {
  do {
    try await body()
  } catch {
    if error is ExitCode || error is ValidationError || error is CleanExit { throw error }
    Terminal.report(CommandFailure(error) ?? CommandFailure("\(error)"))
    // Evidence that is not there is an answer, not a failure to look.
    throw ExitCode(error is EvidenceError || error is RolloutError ? 1 : 2)
  }
}
