import Foundation
import TestSupport
import Testing

@testable import AuditPipeline

@Suite("Which files an argument means")
struct InputFilesTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func names(_ argument: String) throws -> [String] {
    try InputFiles.expand(argument).map {
      $0.path.replacing(folder.url.path + "/", with: "")
    }
  }

  @Test("A folder means all its files, sorted, hidden ones left out")
  func directory() throws {
    for name in ["b.log", "a.log.gz", "sub/c.log", "sub/.hidden", ".git/x", "z"] {
      let url = folder.url.appendingPathComponent(name)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(),
        withIntermediateDirectories: true
      )
      try folder.write("x".utf8, to: name)
    }
    mkfifo(folder.path("pipe"), 0o600)
    #expect(try names(folder.url.path) == ["a.log.gz", "b.log", "sub/c.log", "z"])
    #expect(try InputFiles.expand(folder.url.path).allSatisfy(\.isFound))
    #expect(try names(folder.path("*.log*")) == ["a.log.gz", "b.log"])
    #expect(try names(folder.path("sub/[c-d].log")) == ["sub/c.log"])
    #expect(try InputFiles.expand(folder.path("*.log")).allSatisfy { !$0.isFound })
    #expect(try names(folder.path("b.log")) == ["b.log"])
  }

  @Test("A link to a folder means its files, under the name of the link")
  func linkedDirectory() throws {
    let target = try TemporaryFolder()
    try target.write("x".utf8, to: "a.log")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("logs"),
      withDestinationPath: target.url.path
    )
    #expect(try names(folder.path("logs")) == ["logs/a.log"])
    #expect(try names(folder.path("l*/*.log")) == ["logs/a.log"])
  }

  @Test("A name with a star in it means that file")
  func literalStar() throws {
    try folder.write("x".utf8, to: "a[1]*.log")
    try folder.write("x".utf8, to: "a1.log")
    #expect(try names(folder.path("a[1]*.log")) == ["a[1]*.log"])
  }

  @Test("What is not there, and a folder without files, is an error")
  func nothing() throws {
    #expect(throws: InputError.missing(file: folder.path("none"))) {
      try InputFiles.expand(folder.path("none"))
    }
    #expect(throws: InputError.missing(file: folder.path("*.log"))) {
      try InputFiles.expand(folder.path("*.log"))
    }
    #expect(throws: InputError.noLogs(directory: folder.url.path)) {
      try InputFiles.expand(folder.url.path)
    }
  }

  @Test("A dash is standard input")
  func standardInput() throws { #expect(try InputFiles.expand("-").map(\.path) == ["-"]) }
}
