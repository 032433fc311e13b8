import Foundation
import TestSupport
import Testing

@Suite("Ingest as a process")
struct IngestProcessTests {
  private let folder: TemporaryFolder
  private var store: String { folder.path("flowlearn.db") }

  init() throws { folder = try TemporaryFolder() }

  private static func lines(_ range: Range<Int>) -> [String] {
    range.map { number in
      let time = "2026-09-15T16:\(10 + number / 60 % 50):\(10 + number % 50)Z"
      return #"{"flow":{"time":"\#(time)","verdict":"FORWARDED","IP":{"source":"10.0.1.1","#
        + #""destination":"10.0.2.2"},"l4":{"TCP":{"source_port":40000,"destination_port":"#
        + #"\#(1 + number % 30_000),"flags":{"SYN":true}}},"source":{"namespace":"shop","labels":["#
        + #""k8s:app=web\#(number % 50)"]},"destination":{"namespace":"shop","labels":["k8s:app=api"]},"#
        + #""Type":"L3_L4","event_type":{"type":4},"trace_observation_point":"TO_ENDPOINT","#
        + #""is_reply":false},"node_name":"n","time":"\#(time)"}"#
    }
  }

  private static func text(_ range: Range<Int>) -> Data {
    Data(lines(range).map { $0 + "\n" }.joined().utf8)
  }

  private func run(_ arguments: String..., input: String = "") throws -> Outcome {
    try Program.run(arguments + ["--store", store], input: input)
  }

  /// Records of all stored edges.
  private func storedRecords() throws -> Int {
    let outcome = try run("flows", "-A", "-o", "ndjson")
    #expect(outcome.status == 0)
    return try outcome.output.split(separator: "\n").reduce(0) { sum, line in
      let edge = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return sum + (edge?["flows"] as? Int ?? 0)
    }
  }

  /// A process that runs until a test ends it.
  private final class Running {
    let process = Process()
    let errors: URL

    init(_ arguments: [String], in folder: TemporaryFolder, input: Any? = nil) throws {
      errors = URL(fileURLWithPath: try folder.write([], to: "errors-\(UUID().uuidString)"))
      process.executableURL = Program.folder.appendingPathComponent("flowlearn")
      process.arguments = arguments
      process.standardInput = input ?? FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      process.standardError = try FileHandle(forWritingTo: errors)
      try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// Waits until what it printed holds a text; false when it does not in time.
    func prints(_ text: String, within seconds: Double = 20) throws -> Bool {
      let end = Date().addingTimeInterval(seconds)
      while Date() < end {
        if try String(contentsOf: errors, encoding: .utf8).contains(text) { return true }
        usleep(50_000)
      }
      return false
    }

    /// Asks it to end and waits for that.
    func terminate(within seconds: Double = 15) -> Int32? {
      kill(process.processIdentifier, SIGTERM)
      let end = Date().addingTimeInterval(seconds)
      while process.isRunning, Date() < end { usleep(20_000) }
      return process.isRunning ? nil : process.terminationStatus
    }
  }

  @Test("Files of several arguments are read side by side and reported in order, each trouble once")
  func severalArguments() throws {
    let first = try folder.write(Self.text(0..<40), to: "a/first.jsonl")
    let again = try folder.write(Self.text(0..<40), to: "b/again.jsonl")
    let second = try folder.write(Self.text(40..<100), to: "b/second.jsonl")
    _ = try folder.write(Data("no log\n".utf8), to: "c/notes.txt")
    let (missing, empty) = (folder.path("missing.jsonl"), folder.path("c"))
    let outcome = try run("ingest", missing, first, folder.path("b"), empty, first)
    #expect(outcome.status == 2)
    let lines = outcome.errors.split(separator: "\n").map(String.init)
    func place(_ start: String) -> Int {
      lines.firstIndex { $0.hasPrefix(start) } ?? -1
    }
    let places = [
      place("\(first): hubble, 40 records"), place("\(again): already counted as \(first)"),
      place("\(second): hubble, 60 records"), place("\(empty)/notes.txt: skipped"),
      place("\(first): already counted"),
    ]
    #expect(places == places.sorted() && places[0] >= 0, "\(outcome.errors)")
    #expect(lines.count { $0.contains("missing.jsonl") } == 1, "\(outcome.errors)")
    #expect(
      lines.count { $0.contains("\(empty): no file in this directory") } == 1,
      "\(outcome.errors)"
    )
    #expect(try storedRecords() == 100)
  }

  @Test("What is true of many files is said once")
  func notesOnce() throws {
    let trouble = #"{"node_status":{"state_change":"NODE_UNAVAILABLE","node_names":["n"]}}"#
    let files = try (0..<20).map { number in
      try folder.write(
        lines: Self.lines(number..<number + 1) + [trouble],
        to: "logs/\(10 + number).jsonl"
      )
    }
    let outcome = try run("ingest", folder.path("logs"))
    #expect(outcome.status == 0)
    let notes = outcome.errors.split(separator: "\n").filter { $0.contains("note: ") }
    #expect(notes.count == 1 && notes[0].contains("node was unavailable"), "\(outcome.errors)")
    #expect(files.allSatisfy { outcome.errors.contains("\($0): hubble, 2 records") })
  }

  @Test("Processes that ingest one file at the same moment count it once", arguments: 1...3)
  func sameMoment(attempt: Int) throws {
    let logs = try folder.write(Self.text(0..<4000), to: "flows.jsonl")
    let others = try (0..<4).map { _ in
      try Running(["ingest", logs, "--store", store], in: folder)
    }
    for other in others {
      other.process.waitUntilExit()
      #expect(other.process.terminationStatus == 0)
    }
    #expect(try storedRecords() == 4000)
  }

  @Test("A file that is followed while another process ingests it counts once")
  func followedAndIngested() throws {
    let logs = try folder.write(Self.text(0..<10), to: "flows.jsonl")
    let follower = try Running(["ingest", "--follow", logs, "--store", store], in: folder)
    #expect(try follower.prints("committed up to line 10"))
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: logs))
    for part in 1...40 {
      try file.seekToEnd()
      try file.write(contentsOf: Self.text(part * 10..<part * 10 + 10))
      if part % 4 == 0 { #expect(try run("ingest", logs).status == 0) }
      usleep(100_000)
    }
    usleep(500_000)
    #expect(follower.terminate() == 0)
    #expect(try run("ingest", logs).status == 0)
    #expect(try storedRecords() == 410)
  }

  @Test("A bad file does not keep the others out: exit 2, each with its reason")
  func otherFiles() throws {
    let good = try folder.write(Self.text(0..<20), to: "good.jsonl")
    let more = try folder.write(Self.text(20..<30), to: "more.jsonl")
    let binary = try folder.write([0x7f, 0x45, 0, 0], to: "binary")
    let damaged = try folder.write([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2], to: "damaged.gz")
    let text = try folder.write("hello\n".utf8, to: "text")
    let none = folder.path("none.jsonl")
    let outcome = try run("ingest", good, binary, damaged, text, none, more)
    #expect(outcome.status == 2)
    for path in [binary, damaged, text, none] {
      #expect(outcome.errors.contains("Error: \(path):"), "\(path)")
    }
    #expect(!outcome.errors.contains("Error: \(good)"))
    #expect(try storedRecords() == 30)
  }

  @Test("In a folder, files that are no logs are passed over; a folder without logs is an error")
  func folders() throws {
    let logs = folder.url.appendingPathComponent("logs/sub")
    try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
    try folder.write("notes\n".utf8, to: "logs/README")
    let empty = try run("ingest", folder.path("logs"))
    #expect(empty.status == 2 && empty.errors.contains("no file in this directory is a flow log"))
    try folder.write(Self.text(0..<5), to: "logs/sub/flows.jsonl")
    #expect(try run("ingest", folder.path("logs")).status == 0)
    #expect(try storedRecords() == 5)
  }

  @Test("Threads are given with or without a blank", arguments: [["-j2"], ["-j", "2"]])
  func threads(option: [String]) throws {
    let path = try folder.write(Self.text(0..<5), to: "flows.jsonl")
    #expect(try Program.run(["ingest"] + option + [path, "--store", store]).status == 0)
    #expect(try storedRecords() == 5)
  }

  @Test("Refused lines are named, and an error only with --strict")
  func refusedLines() throws {
    let path = try folder.write(
      Self.text(0..<3) + Data("no flow\n".utf8) + Self.text(3..<5),
      to: "flows.jsonl"
    )
    let strict = try run("ingest", "--strict", path)
    #expect(strict.status == 2 && strict.errors.contains("\(path):4:"))
    #expect(try storedRecords() == 0)
    let outcome = try run("ingest", path)
    #expect(outcome.status == 0 && outcome.errors.contains("refused \(path):4:"))
    #expect(try storedRecords() == 5)
  }

  @Test("Records without a time are refused with the option that helps")
  func assumedTime() throws {
    let line = Self.lines(0..<1)[0].replacing(
      #/"time":"[^"]*",?/#,
      with: ""
    ).replacing(",}", with: "}")
    let path = try folder.write((line + "\n").utf8, to: "flows.jsonl")
    let refused = try run("ingest", path)
    #expect(refused.status == 2 && refused.errors.contains("--assume-time"))
    #expect(try run("ingest", "--assume-time", "2026-09-15T00:00:00Z", path).status == 0)
    #expect(try storedRecords() == 1)
  }

  @Test("A store that is not ours is refused and left as it is")
  func foreignStore() throws {
    let text = Data("not a database, but dear to somebody\n".utf8)
    try folder.write(text, to: "flowlearn.db")
    let outcome = try run("ingest", folder.write(Self.text(0..<5), to: "flows.jsonl"))
    #expect(outcome.status == 2 && outcome.errors.contains("not a flowlearn store"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: store)) == text)
  }

  @Test("A full disk leaves the store as it was")
  func fullDisk() throws {
    let mount = folder.url.appendingPathComponent("small")
    try FileManager.default.createDirectory(at: mount, withIntermediateDirectories: true)
    let mounted = try Program.shell(
      "mount -t tmpfs -o size=768k tmpfs '\(mount.path)'",
      in: folder.url
    )
    guard mounted.status == 0 else {
      print("skipped: a small file system cannot be mounted here")
      return
    }
    defer { _ = try? Program.shell("umount '\(mount.path)'", in: folder.url) }
    let store = mount.appendingPathComponent("flowlearn.db").path
    let small = try folder.write(Self.text(0..<5), to: "small.jsonl")
    let large = try folder.write(Self.text(0..<9000), to: "large.jsonl")
    #expect(try Program.run(["ingest", small, "--store", store]).status == 0)
    let before = try Program.run(["flows", "-A", "-o", "json", "--store", store]).output
    let outcome = try Program.run(["ingest", large, "--store", store])
    #expect(outcome.status == 2 && outcome.errors.contains("no space left"))
    #expect(try Program.run(["flows", "-A", "-o", "json", "--store", store]).output == before)
  }

  @Test(
    "A killed ingest leaves the store as it was, or whole when it was stored; then it counts once"
  )
  func killed() throws {
    let small = try folder.write(Self.text(0..<5), to: "small.jsonl")
    let large = try folder.write(Self.text(1000..<26_000), to: "large.jsonl")
    func flows(_ store: String) throws -> String {
      try Program.run(["flows", "-A", "-o", "json", "--store", store]).output
    }
    let other = folder.path("other.db")
    #expect(try Program.run(["ingest", small, large, "--store", other]).status == 0)
    let whole = try flows(other)
    #expect(try run("ingest", small).status == 0)
    let before = try flows(store)
    let ledger = try run("db", "info", "-o", "json").output
    var kills = 0
    for milliseconds in [50, 150, 400, 700, 1500, 2500] as [UInt32] {
      let running = try Running(["ingest", large, "--store", store], in: folder)
      usleep(milliseconds * 1000)
      guard running.process.isRunning else { break }
      kill(running.process.processIdentifier, SIGKILL)
      running.process.waitUntilExit()
      guard running.process.terminationReason == .uncaughtSignal else { break }
      let after = try flows(store)
      // Between the commit and its end a process may be killed, too.
      if after == whole { break }
      kills += 1
      #expect(after == before)
      #expect(try run("db", "info", "-o", "json").output == ledger)
    }
    #expect(kills > 0)
    #expect(try run("ingest", large).status == 0)
    #expect(try flows(store) == whole)
    #expect(try storedRecords() == 25_005)
  }

  @Test("A stream is stored at intervals; ended by a signal it loses and repeats nothing")
  func stream() throws {
    let pipe = Pipe()
    let running = try Running(["ingest", "-", "--store", store], in: folder, input: pipe)
    let file = pipe.fileHandleForWriting
    try file.write(contentsOf: Self.text(0..<50))
    #expect(try running.prints("committed up to line 50"))
    try file.write(contentsOf: Self.text(50..<200))
    try file.write(contentsOf: Self.text(200..<201).prefix(77))
    #expect(running.terminate() == 0)
    // The same content, and more of it, counts what the stream had not counted.
    #expect(try run("ingest", folder.write(Self.text(0..<300), to: "flows.jsonl")).status == 0)
    #expect(try storedRecords() == 300)
  }

  @Test("A stream that ends is stored whole; one that never begins can be ended")
  func streamEnds() throws {
    let text = String(decoding: Self.text(0..<40), as: UTF8.self).dropLast()
    #expect(try run("ingest", "-", input: String(text)).status == 0)
    #expect(try storedRecords() == 40)
    let pipe = Pipe()
    let running = try Running(["ingest", "-", "--store", store], in: folder, input: pipe)
    usleep(500_000)
    #expect(running.process.isRunning)
    #expect(running.terminate(within: 5) == 0)
    #expect(try storedRecords() == 40)
  }

  @Test("A followed file is read through rotation and truncation")
  func follow() throws {
    let path = try folder.write(Self.text(0..<10), to: "flows.jsonl")
    let running = try Running(
      ["ingest", "--follow", path, "--store", store],
      in: folder
    )
    #expect(try running.prints("committed up to line 10"))
    // Rotated: lines still come to the old file before the new one is there.
    try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
    try folder.append(Self.text(10..<20), to: "flows.jsonl.1")
    try folder.write(Self.text(20..<50), to: "flows.jsonl")
    #expect(try running.prints("committed up to line 30"))
    // Cut and written anew under the same name.
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.truncate(atOffset: 0)
    try file.write(contentsOf: Self.text(50..<57))
    #expect(try running.prints("committed up to line 7,"))
    #expect(running.terminate() == 0)
    #expect(try storedRecords() == 57)
    #expect(try run("ingest", path, path + ".1").status == 0)
    #expect(try storedRecords() == 57)
  }
}
