import Foundation
import TestSupport
import Testing

@testable import AuditPipeline

@Suite("Reading ahead")
struct ReadAheadSourceTests {
  /// Gives bytes in pieces of random sizes, then ends or fails; counts how often it was asked.
  private final class Pieces: ByteSource {
    private var bytes: ArraySlice<UInt8>
    private var seed: Seed
    private let fails: Bool
    var compressedPosition: Int64 = 0

    init(_ bytes: [UInt8], _ seed: Seed, fails: Bool) {
      self.bytes = bytes[...]
      self.seed = seed
      self.fails = fails
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
      if bytes.isEmpty, fails {
        throw InputError.damaged(file: "x", compression: "gzip", problem: "torn")
      }
      let count = min(bytes.count, buffer.count, Int.random(in: 1...700, using: &seed))
      buffer.copyBytes(from: bytes.prefix(count))
      bytes = bytes.dropFirst(count)
      compressedPosition += Int64(count)
      return count
    }
  }

  @Test(
    "It gives the same bytes as its source, and the same end again and again",
    arguments: Seed.samples(20)
  )
  func same(seed: Seed) throws {
    var seed = seed
    let bytes = (0..<Int.random(in: 0...20_000, using: &seed)).map {
      UInt8(truncatingIfNeeded: $0 * 7)
    }
    let fails = Bool.random(using: &seed)
    let source = ReadAheadSource(
      Pieces(bytes, seed, fails: fails),
      blockSize: Int.random(in: 1...900, using: &seed),
      depth: Int.random(in: 1...4, using: &seed)
    )
    var read: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: Int.random(in: 1...2000, using: &seed))
    while read.count < bytes.count {
      let count = try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
      #expect(count > 0)
      if count == 0 { break }
      read += buffer[..<count]
    }
    #expect(read == bytes)
    #expect(source.compressedPosition == Int64(bytes.count))
    for _ in 0..<2 {
      let end = Result { try buffer.withUnsafeMutableBytes { try source.read(into: $0) } }
      switch end {
      case .success(let count): #expect(count == 0 && !fails)
      case .failure: #expect(fails)
      }
    }
  }

  @Test("It does not wait longer than it is told, and not at all for what is there")
  func waiting() throws {
    let pipe = Pipe()
    let source = ReadAheadSource(
      DescriptorSource(
        descriptor: pipe.fileHandleForReading.fileDescriptor,
        name: "pipe",
        ownsDescriptor: false
      )
    )
    var buffer = [UInt8](repeating: 0, count: 100)
    func read(within seconds: Double) throws -> Int? {
      try buffer.withUnsafeMutableBytes {
        try source.read(into: $0, waitingUntil: Date(timeIntervalSinceNow: seconds))
      }
    }
    #expect(try read(within: 0.05) == nil)
    try pipe.fileHandleForWriting.write(contentsOf: [1, 2, 3])
    #expect(try read(within: 20) == 3)
    try pipe.fileHandleForWriting.close()
    #expect(try read(within: 20) == 0)
  }

  @Test("A source whose reader goes away is let go")
  func abandoned() throws {
    weak var source: Pieces?
    func read() throws {
      let pieces = Pieces([UInt8](repeating: 1, count: 1 << 20), Seed(1), fails: false)
      source = pieces
      let ahead = ReadAheadSource(pieces, blockSize: 64, depth: 2)
      var buffer = [UInt8](repeating: 0, count: 10)
      #expect(try buffer.withUnsafeMutableBytes { try ahead.read(into: $0) } == 10)
    }
    try read()
    let end = Date(timeIntervalSinceNow: 20)
    while source != nil, Date() < end { usleep(1000) }
    #expect(source == nil)
  }
}
