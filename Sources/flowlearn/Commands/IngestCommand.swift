import ArgumentParser
import AuditPipeline
import FlowAggregation
import FlowFormats
import FlowModel
import Foundation

extension LogFormat: ExpressibleByArgument {}

struct IngestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ingest",
    abstract: "Fold flow logs into the store.",
    discussion: """
      Files, directories, quoted patterns or - for standard input; plain, gzip or zstd. The format is \
      found by content. Each file is stored whole or not at all, and each line is counted once however \
      often its file is given, also after it has grown, was rotated or compressed. Records that cannot \
      be read are counted and named by line; a file that cannot be read at all is exit 2, and the others \
      are stored all the same.

      Examples:

        flowlearn ingest sample-flows/hubble/flows.jsonl
        hubble observe -o jsonpb --last 10000 | flowlearn ingest -
        flowlearn ingest sample-flows/calico sample-flows/vpc
        flowlearn ingest --fields 'srcaddr dstaddr srcport dstport ... action' logs/
      """
  )

  @Argument(
    help: "Logs, directories of logs, quoted patterns, or - for standard input.",
    completion: .file()
  )
  var files: [String]

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var noise: NoiseOptions
  @OptionGroup var detail: DetailOptions

  @Option(help: "Read the logs as this format instead of looking.")
  var format: LogFormat?

  @Option(
    help: ArgumentHelp(
      "AWS VPC flow logs without header: the field names in order.",
      valueName: "names"
    )
  )
  var fields: String?

  @Option(
    help: ArgumentHelp(
      "Calico packet lines: a log prefix to accept, with the class of its lines (would-deny, denied, allowed, attempt).",
      valueName: "name[=class]"
    )
  )
  var logPrefix: [String] = []

  @Option(help: ArgumentHelp("Year of log lines that carry none.", valueName: "year"))
  var year: Int?

  @Option(
    help: ArgumentHelp("Boot time of the node, for lines in seconds since boot.", valueName: "time")
  )
  var bootTime: String?

  @Option(help: ArgumentHelp("Time of records that carry none.", valueName: "time"))
  var assumeTime: String?

  @Flag(
    help: "Calico: denied packets were let through (dropActionOverride Accept or LogAndAccept)."
  )
  var denyPasses = false

  @Option(help: ArgumentHelp("Name of the cluster, for logs that carry none.", valueName: "name"))
  var cluster = ""

  @Option(
    name: [.customShort("j", allowingJoined: true), .long],
    help: "Threads (default: cores)."
  )
  var threads: Int?

  @Flag(help: "Refuse a file with any record that cannot be read.")
  var strict = false

  @Flag(help: "Keep reading a file as it grows, across rotation, until interrupted.")
  var follow = false

  func run() async throws {
    try await reporting {
      var options = IngestOptions()
      options.format = format
      options.decoder = try decoderOptions()
      options.cluster = cluster
      options.threads = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount)
      options.isStrict = strict
      let stores = try storeOptions.open(create: true)
      let resolver = try await InventoryFiles(store: stores.audit).resolver(cluster: cluster)
      if follow || files == ["-"] {
        try await stream(stores, options: options, resolver: resolver)
        if !noise.quiet { try await WatchNotes.print(stores) }
        return
      }
      let failures = try await ingest(into: stores, options: options, resolver: resolver)
      if !noise.quiet { try await WatchNotes.print(stores) }
      if failures > 0 { throw ExitCode(2) }
    }
  }

  private func decoderOptions() throws -> DecoderOptions {
    var options = DecoderOptions()
    if let fields {
      options.fields = fields.split { $0 == " " || $0 == "," }.map {
        String($0).trimmingCharacters(in: CharacterSet(charactersIn: "${}"))
      }
    }
    for prefix in logPrefix {
      let parts = prefix.split(separator: "=", maxSplits: 1).map(String.init)
      guard let name = parts.first, !name.isEmpty else {
        throw ValidationError("--log-prefix takes NAME or NAME=CLASS.")
      }
      let word = parts.count > 1 ? parts[1] : EvidenceClass.attempt.rawValue
      guard let evidence = EvidenceClass(rawValue: word) else {
        throw ValidationError(
          "'\(word)' is no class; classes are allowed, would-deny, denied, attempt."
        )
      }
      options.logPrefixes[name] = evidence
    }
    options.assumedYear = year
    options.bootTime = try bootTime.map(TimeText.parse)
    options.assumedTime = try assumeTime.map(TimeText.parse)
    options.denyPasses = denyPasses
    return options
  }

  private func stream(
    _ stores: Stores,
    options: IngestOptions,
    resolver: PendingAddressTable?
  ) async throws {
    guard files.count == 1, let file = files.first else {
      throw ValidationError("--follow and - take one input at a time.")
    }
    if file == "-", isatty(STDIN_FILENO) != 0 {
      noise.note("reading standard input; Ctrl-D ends it")
    }
    StopSignal.install()
    let stream = StreamIngest(store: stores.flows, resolver: resolver, options: options) {
      Clock.now
    }
    let noise = noise
    let name = file == "-" ? "standard input" : file
    let started = ContinuousClock.now
    let summary = try await stream.run(path: file, follows: follow) { commit in
      noise.note(
        "\(name): committed up to line \(commit.counts.lines.grouped), "
          + "\(commit.counts.used.grouped) records used"
      )
      for note in commit.notes { noise.note("  note: \(note)") }
    }
    var told: Set<String> = []
    report(summary, file, in: started.duration(to: .now), without: &told)
  }

  private func report(
    _ result: IngestResult,
    _ path: String,
    in duration: Duration,
    without told: inout Set<String>
  ) {
    guard !noise.quiet else { return }
    IngestReport(result, path: path, duration: duration, isVerbose: detail.verbose)
      .print(without: &told)
  }

  /// Ingests the files behind all arguments, several at a time.
  ///
  /// - Returns: How many failed.
  private func ingest(
    into stores: Stores,
    options: IngestOptions,
    resolver: PendingAddressTable?
  ) async throws -> Int {
    var failures = 0
    func fail(_ error: InputError) {
      Terminal.report(CommandFailure(error) ?? CommandFailure("\(error)"))
      failures += 1
    }
    // Where each file comes from, and how many logs came from each argument.
    var inputs: [(file: InputFiles.File, argument: Int)] = []
    var logs = files.map { _ in 0 }
    for (index, argument) in files.enumerated() {
      do {
        inputs += try InputFiles.expand(argument).map { (file: $0, argument: index) }
      } catch let error as InputError {
        fail(error)
      }
    }
    let paths = inputs.map(\.file.path)
    let progress = ProgressBar(paths: paths, isShown: !noise.quiet && Terminal.showsProgress)
    let step = Ingest(
      store: stores.flows,
      resolver: resolver,
      options: options,
      now: Clock.now,
      progress: { progress.add($0) }
    )
    var told: Set<String> = []
    var left = inputs[...]
    try await step.run(paths: paths, sideBySide: options.threads) { path, outcome in
      progress.finish()
      guard let (file, argument) = left.popFirst() else { return }
      switch outcome {
      case .success(let result):
        logs[argument] += 1
        report(result, path, in: result.duration, without: &told)
      case .failure(let error as InputError):
        // What a pattern or a directory gave need not be logs.
        if file.isFound, error.isNotALog {
          noise.note("\(path): skipped, not a flow log")
        } else {
          fail(error)
          logs[argument] += 1
        }
      case .failure(let error): throw error
      }
      // The last file of an argument.
      if left.first?.argument != argument, logs[argument] == 0 {
        fail(.noLogs(directory: files[argument]))
      }
    }
    return failures
  }
}

extension InputError {
  /// Whether the file is simply something else.
  fileprivate var isNotALog: Bool {
    switch self {
    case .binary, .unknownFormat: true
    default: false
    }
  }
}
