import AuditPipeline
import FlowStorageSQLite
import Testing

@testable import flowlearn

/// What people read when something went wrong: where it was, what it was, and what to do.
@Suite("Error messages")
struct CommandFailureTests {
  @Test(
    "Trouble with an input names the file, and the line where there is one",
    arguments: [
      (InputError.missing(file: "a.log"), "a.log: no such file"),
      (.missing(file: "logs/*.gz"), "logs/*.gz: no file matches this pattern"),
      (.missing(file: ""), "an empty file name was given"),
      (.unreadable(file: "a.log", message: "Permission denied"), "a.log: it cannot be read"),
      (.noLogs(directory: "logs"), "logs: no file in this directory is a flow log"),
      (.binary(file: "a.out"), "a.out: this is binary data"),
      (.damaged(file: "a.gz", compression: "gzip", problem: "it ends early"), "a.gz: damaged gzip"),
      (.wideText(file: "a.log"), "a.log: this is UTF-16 text"),
      (
        .needsInventory(file: "a.log", format: "azure"),
        "a.log: this azure log holds addresses only"
      ),
      (.unknownFormat(file: "a.txt"), "a.txt: no known flow log format"),
      (
        .nothingRecognized(file: "a.json", format: "hubble", firstProblem: "not JSON", line: 3),
        "a.json:3: not a single hubble record could be read: not JSON"
      ),
      (.parquet(file: "a.parquet"), "a.parquet: Parquet is not read"),
      (.strict(file: "a.json", line: 7, problem: "not JSON", count: 2), "a.json:7: not JSON (2"),
    ]
  )
  func inputs(_ error: InputError, _ start: String) throws {
    let failure = try #require(CommandFailure(error))
    #expect(failure.message.hasPrefix(start), "\(failure.message)")
    #expect(!failure.message.hasSuffix("."))
    // Of the pattern that matches nothing all is said.
    #expect(failure.hint != nil || start.contains("pattern"))
  }

  @Test(
    "Trouble with the store names it and says what to do",
    arguments: [
      (SQLiteStoreError.missing(path: "s.db"), "s.db: there is no store yet"),
      (.notOurs(path: "s.db"), "s.db: this is not a flowlearn store"),
      (.newer(path: "s.db", migration: "v9"), "s.db: a newer flowlearn wrote this store"),
      (.readOnly(path: "s.db"), "s.db: the store cannot be written"),
      (.locked(path: "s.db"), "s.db: another process has the store locked"),
      (.full(path: "s.db"), "s.db: no space left on the disk"),
      (.unopenable(path: "s.db", reason: .isDirectory), "s.db: this is a directory"),
      (.unopenable(path: "s.db", reason: .readOnlyDirectory), "s.db: the store cannot be read"),
    ]
  )
  func stores(_ error: SQLiteStoreError, _ start: String) throws {
    let failure = try #require(CommandFailure(error))
    #expect(failure.message.hasPrefix(start), "\(failure.message)")
    #expect(failure.hint?.hasSuffix(".") == true || failure.hint?.hasSuffix("?") == true)
  }

  @Test("An unknown namespace is answered with those that are known")
  func namespaces() throws {
    let failure = try #require(
      CommandFailure(EvidenceError.noFlows(namespace: "app-prd", known: ["app-prod"]))
    )
    #expect(failure.message == "no flow of namespace app-prd was seen")
    #expect(failure.hint == "Namespaces with flows: app-prod.")
  }
}
