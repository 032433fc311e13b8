import Foundation
import TestSupport
import Testing

/// What cannot be read or written is told, with exit 2, and nothing else is touched.
@Suite("Files and stores that cannot be used")
struct RefusalTests {
  private let scratch: Scratch
  private let sample = "sample-flows/hubble/flows.jsonl"

  init() throws { scratch = try Scratch.withSamples() }

  private func shell(_ line: String) throws -> Outcome { try Program.shell(line, in: scratch.url) }

  /// Runs as a user without rights; nil, with a printed reason, where that cannot be had.
  private func unprivileged(_ line: String) throws -> Outcome? {
    guard getuid() == 0 else { return try shell(line) }
    // The built program may lie where only its owner can go.
    let prepared = try shell(
      "cp \"$(command -v flowlearn)\" program && chmod 755 . program && "
        + "setpriv --reuid=65534 --clear-groups ./program --version"
    )
    guard prepared.status == 0 else {
      print("skipped: no user without rights can be had here: \(prepared.errors)")
      return nil
    }
    return try shell(
      line.replacing("flowlearn ", with: "setpriv --reuid=65534 --clear-groups ./program ")
    )
  }

  @Test("A file that may not be read is named; the others are ingested")
  func unreadableFile() throws {
    #expect(
      try shell(
        "head -4 \(sample) >good.jsonl; cp good.jsonl secret.jsonl; chmod 000 secret.jsonl; "
          + "mkdir stores; chmod 777 stores"
      ).status == 0
    )
    guard
      let outcome = try unprivileged(
        "flowlearn ingest secret.jsonl good.jsonl --store stores/s.db"
      )
    else { return }
    #expect(outcome.status == 2)
    #expect(
      outcome.errors.contains("Error: secret.jsonl: it cannot be read: Permission denied.")
    )
    #expect(outcome.errors.contains("good.jsonl: hubble, 4 records"))
  }

  @Test("A store that may only be read is read, and refused when it would have to change")
  func readOnlyStore() throws {
    #expect(
      try shell(
        "mkdir open closed; head -4 \(sample) >a.jsonl; head -8 \(sample) >b.jsonl; "
          + "flowlearn ingest -q a.jsonl --store open/s.db; cp open/s.db closed/s.db; "
          + "chmod 777 open; chmod 444 open/s.db closed/s.db; chmod 555 closed"
      ).status == 0
    )
    guard let shown = try unprivileged("flowlearn flows -A --store open/s.db") else { return }
    #expect(shown.status == 0 && shown.errors == "2 edges\n", "\(shown.errors)")
    let changed = try unprivileged("flowlearn ingest b.jsonl --store open/s.db")
    #expect(changed?.status == 2)
    #expect(changed?.errors.contains("Error: open/s.db: the store cannot be written.") == true)
    let closed = try unprivileged("flowlearn flows -A --store closed/s.db")
    #expect(closed?.status == 2)
    #expect(closed?.errors.contains("Error: closed/s.db: the store cannot be read") == true)
    _ = try shell("chmod 755 closed")
  }

  @Test(
    "A path that cannot be a store says why",
    arguments: [
      ("flowlearn flows -A --store .", ".: this is a directory."),
      ("flowlearn ingest a.jsonl --store .", ".: this is a directory."),
      (
        "flowlearn ingest a.jsonl --store none/s.db",
        "none/s.db: the directory of the store does not exist."
      ),
      ("flowlearn flows -A --store none.db", "none.db: there is no store yet."),
      (
        "flowlearn flows -A --store clickhouse://host/x",
        "the store clickhouse://... is not supported."
      ),
      ("flowlearn ingest a.jsonl --store a.jsonl", "a.jsonl: this is not a flowlearn store."),
    ]
  )
  func noStore(_ line: String, _ message: String) throws {
    #expect(try shell("head -4 \(sample) >a.jsonl").status == 0)
    let before = try shell("ls -A; cat a.jsonl").output
    let outcome = try shell(line)
    #expect(outcome.status == 2)
    #expect(outcome.errors.hasPrefix("Error: \(message)"), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(try shell("ls -A; cat a.jsonl").output == before)
  }

  @Test("An empty name is no store that is gone with the program")
  func emptyName() throws {
    let option = try shell("flowlearn ingest \(sample) --store \"$NOTHING\"")
    #expect(option.status == 64 && option.errors.contains("--store is empty"))
    #expect(
      try shell("FLOWLEARN_STORE= flowlearn ingest -q \(sample) && ls flowlearn.db").status == 0
    )
  }

  @Test("A name that matches nothing is told apart from a file that is not there")
  func missing() throws {
    #expect(
      try shell("flowlearn ingest 'logs/*.gz'").errors.contains("no file matches this pattern")
    )
    #expect(try shell("flowlearn ingest logs.gz").errors.contains("logs.gz: no such file"))
    #expect(try shell("flowlearn ingest \"$LOGS\"").errors.contains("an empty file name was given"))
  }

  @Test("A file in which no record is recognised names its first line; with --format too")
  func nothingRecognized() throws {
    #expect(try shell("printf '{\"a\":1}\\n' >a.json; head -3 \(sample) >b.jsonl").status == 0)
    let detected = try shell("flowlearn ingest a.json b.jsonl")
    #expect(detected.status == 2)
    #expect(detected.errors.contains("Error: a.json: no known flow log format."))
    #expect(detected.errors.contains("b.jsonl: hubble, 3 records"))
    let told = try shell("flowlearn ingest --format hubble a.json --store t.db")
    #expect(told.status == 2)
    #expect(told.errors.contains("Error: a.json:1: not a single hubble record could be read"))
    #expect(try shell("flowlearn flows -A --store t.db").output.isEmpty)
  }

  @Test("Lines that cannot be read are named and left out; with --strict nothing is stored")
  func badLines() throws {
    let prepared = try shell(
      """
      { head -2 \(sample); echo 'no JSON'; echo '{"a":1}'
      head -1 \(sample) | sed 's/"FORWARDED"/"HALF_FORWARDED"/'
      head -c 10000000 /dev/zero | tr '\\0' a; echo; sed -n 3p \(sample); } >mixed.jsonl
      """
    )
    #expect(prepared.status == 0 || prepared.errors.isEmpty, "\(prepared.errors)")
    let strict = try shell("flowlearn ingest --strict mixed.jsonl --store strict.db")
    #expect(strict.status == 2)
    #expect(strict.errors.contains("Error: mixed.jsonl:3: not JSON"))
    #expect(strict.errors.contains("4 records refused, --strict"))
    #expect(try shell("flowlearn flows -A -q --store strict.db").output.isEmpty)
    let lenient = try shell("flowlearn ingest mixed.jsonl")
    #expect(lenient.status == 0)
    #expect(lenient.errors.contains("7 records: "))
    for (line, problem) in [
      (3, "not JSON"), (4, ""), (5, "field \"verdict\" has a value that is not known"),
      (6, "the line is longer than 8 MiB"),
    ] {
      #expect(lenient.errors.contains("refused mixed.jsonl:\(line): \(problem)"), "\(line)")
    }
    let ledger = try shell("flowlearn db info -o json").output
    let info = try JSONSerialization.jsonObject(with: Data(ledger.utf8)) as? [String: Any]
    let input = (info?["inputs"] as? [[String: Any]])?.first
    #expect(input?["rejected"] as? Int == 4 && input?["lines"] as? Int == 7)
  }

  @Test("A log of addresses that came before the inventory is not stored, and can be read after it")
  func tooEarly() throws {
    let log = "sample-flows/vpc/vpc-flow-logs.log"
    let first = try shell("flowlearn ingest \(log) sample-flows/hubble")
    #expect(first.status == 2)
    #expect(first.errors.contains("Error: \(log): this aws-vpc log holds addresses only"))
    #expect(first.errors.contains("flowlearn inventory add objects.json; then ingest it again"))
    #expect(first.errors.contains("flows.jsonl: hubble, 1,643 records"))
    let added = try shell("flowlearn inventory add sample-flows/pods.json")
    #expect(added.status == 0 && !added.errors.contains("bare"))
    let again = try shell("flowlearn ingest \(log)")
    #expect(again.status == 0 && again.errors.contains("468 used as evidence"))
  }

  @Test(
    "An inventory of another cluster is told, and what nothing came of is read with the right one"
  )
  func otherInventory() throws {
    let prepared = try shell(
      """
      sed -E 's/"(10|172|192)\\.([0-9]+)\\.([0-9]+)\\.([0-9]+)/"10.201.\\3.\\4/g' \
        sample-flows/pods.json >other.json; flowlearn inventory add -q other.json
      """
    )
    #expect(prepared.status == 0, "\(prepared.errors)")
    let first = try shell("flowlearn ingest sample-flows/vpc")
    #expect(first.errors.contains("The inventory looks like that of another cluster"))
    let same = try shell("flowlearn ingest sample-flows/vpc")
    #expect(
      same.errors.contains("already counted, nothing new\n  none of it is evidence: the inventory")
    )
    #expect(try shell("flowlearn inventory add -q sample-flows/pods.json").status == 0)
    #expect(try shell("flowlearn ingest sample-flows/vpc").errors.contains("468 used as evidence"))
  }

  @Test("A store is for one cluster: objects of another one are refused, unless it is forced")
  func otherCluster() throws {
    #expect(
      try shell(
        "flowlearn inventory add -q sample-flows/pods.json; "
          + "sed 's/\"uid\": \"./\"uid\": \"0/' sample-flows/pods.json >other.json"
      ).status == 0
    )
    let refused = try shell("flowlearn inventory add other.json")
    #expect(refused.status == 2)
    #expect(
      refused.errors.hasPrefix("Error: other.json: the namespace kube-system in it is another one")
    )
    #expect(refused.errors.contains("--force adds it all the same"))
    #expect(try shell("flowlearn inventory add sample-flows/pods.json").status == 0)
    #expect(try shell("flowlearn inventory add --force other.json").status == 0)
    #expect(try shell("flowlearn inventory add other.json").status == 0)
  }

  @Test("The columns of a log without header are all that --fields takes, and wrong ones are named")
  func fields() throws {
    let log = "sample-flows/vpc/vpc-flow-logs.log"
    #expect(
      try shell("tail -n +2 \(log) >a.log; flowlearn inventory add -q sample-flows/pods.json")
        .status
        == 0
    )
    #expect(try shell("flowlearn ingest a.log").errors.contains("need --fields"))
    let wrong = try shell(
      "flowlearn ingest --fields \"$(head -1 \(log) | sed 's/srcport dstport/dstport srcport/')\" a.log"
    )
    #expect(wrong.status == 2)
    #expect(wrong.errors.contains("a.log:1: not a single aws-vpc record could be read"))
    #expect(wrong.errors.contains("srcport and dstport seem to be exchanged (check --fields)"))
    let right = try shell("flowlearn ingest --fields \"$(head -1 \(log))\" a.log")
    #expect(right.status == 0 && right.errors.contains("468 used as evidence"))
  }

  @Test("Content that is known under another name is said to be")
  func knownContent() throws {
    #expect(
      try shell("head -9 \(sample) >a.jsonl; gzip -c a.jsonl >b.gz; head -5 a.jsonl >c").status == 0
    )
    #expect(try shell("flowlearn ingest -q a.jsonl").status == 0)
    let outcome = try shell("flowlearn ingest a.jsonl b.gz c")
    #expect(
      outcome.errors == """
        a.jsonl: already counted, nothing new
        b.gz: already counted as a.jsonl, nothing new
        c: already counted as a.jsonl, nothing new

        """
    )
  }
}
