import AuditPipeline
import Foundation
import Rollout
import Testing

@Suite("Folders of steps")
struct StepFolderTests {
  private let base = FileManager.default.temporaryDirectory.appendingPathComponent(
    "flowlearn-\(UUID().uuidString)"
  ).path

  private func files(_ text: String) -> [StepFile] {
    [
      StepFile(name: "rules.yaml", contents: text),
      StepFile(name: "apply.sh", contents: "#!\n", isExecutable: true),
    ]
  }

  private func names(_ path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  @Test("Files take the folder's place at once, and can be taken back until they are kept")
  func placeAndUndo() throws {
    defer { try? FileManager.default.removeItem(atPath: base) }
    let folder = StepFolder(base, namespace: "shop", step: "watch")
    try folder.place(files("one"))
    #expect(folder.holds(files("one")))
    #expect(!folder.holds(files("two")))
    folder.keep()
    // What apply.sh saved stays with the folder.
    try FileManager.default.createDirectory(
      atPath: folder.path + "/backup/objects",
      withIntermediateDirectories: true
    )
    try "live".write(toFile: folder.path + "/backup/objects/web", atomically: true, encoding: .utf8)
    try folder.place(files("two"))
    #expect(folder.holds(files("two")))
    #expect(names(folder.path + "/backup/objects") == ["web"])
    folder.undo()
    #expect(folder.holds(files("one")))
    #expect(names(folder.path) == ["apply.sh", "backup", "rules.yaml"])
    #expect(names(base + "/shop") == ["watch"])
  }

  @Test("Taking back a first folder leaves nothing")
  func undoFirst() throws {
    defer { try? FileManager.default.removeItem(atPath: base) }
    let folder = StepFolder(base, namespace: "shop", step: "watch")
    try folder.place(files("one"))
    folder.undo()
    #expect(names(base) == [])
  }

  @Test("A folder left under its other name by a run that was killed comes back")
  func killed() throws {
    defer { try? FileManager.default.removeItem(atPath: base) }
    let folder = StepFolder(base, namespace: "shop", step: "watch")
    try folder.place(files("one"))
    try "x".write(toFile: folder.path + "/backup", atomically: true, encoding: .utf8)
    try FileManager.default.moveItem(atPath: folder.path, toPath: folder.path + ".old")
    try folder.place(files("two"))
    folder.keep()
    #expect(folder.holds(files("two")))
    #expect(names(folder.path).contains("backup"))
    #expect(names(base + "/shop") == ["watch"])
  }

  @Test("A script that is not executable any more is not what was written")
  func modes() throws {
    defer { try? FileManager.default.removeItem(atPath: base) }
    let folder = StepFolder(base, namespace: "shop", step: "watch")
    try folder.place(files("one"))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o644],
      ofItemAtPath: folder.path + "/apply.sh"
    )
    #expect(!folder.holds(files("one")))
  }

  @Test(
    "SHA-256 is that of the standard",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        String(repeating: "a", count: 1_000),
        "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"
      ),
    ]
  )
  func digest(text: String, expected: String) { #expect(SHA256.hexadecimal(text) == expected) }
}
