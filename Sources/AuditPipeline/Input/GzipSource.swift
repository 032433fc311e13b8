import CZlib
import Foundation

/// Inflates gzip, several members after each other included.
///
/// zlib copies matches byte by byte, and logs are long matches: it gave 0.45 GB/s where this gives several times
/// as much, and inflating, not scanning, was what a compressed log waited for. Checksum and length of every
/// member are checked.
///
/// Source: RFC 1951 (the compressed blocks) and RFC 1952 (the members around them).
package final class GzipSource: ByteSource {
  /// Where in the format the next bit stands.
  private enum State {
    case member, block, stored(Int), compressed, trailer, ended
  }

  /// How far back a match reaches.
  private static let window = 32_768
  /// Bytes that are inflated before they are handed out.
  private static let chunk = 262_144
  /// Where inflating pauses.
  private static let limit = window + chunk
  /// Room behind the limit: the longest match and what a copy in whole vectors writes behind it.
  private static let slack = 258 + 32
  private static let inputSize = 262_144
  /// Bytes that can be read behind the input; zeros at its end.
  private static let padding = 32

  private let source: any ByteSource
  private let name: String
  private var state = State.member
  private var isFirstMember = true
  private var isLastBlock = false

  // The input that was read and not taken yet, and bits taken from it.
  private let input: UnsafeMutablePointer<UInt8>
  private var position = 0
  private var available = 0
  private var isInputAtEnd = false
  private var bits: UInt64 = 0
  private var bitCount: UInt64 = 0

  // What was inflated: history, then bytes to be handed out.
  private let output: UnsafeMutablePointer<UInt8>
  private var delivered = 0
  private var produced = 0
  /// Where the member's history begins.
  private var historyStart = 0
  private var checksum: UInt = 0
  private var memberSize: UInt32 = 0

  private let literals = DeflateTable(.literals, primaryBits: 11, symbols: 288)
  private let distances = DeflateTable(.distances, primaryBits: 8, symbols: 32)
  private let codeLengths = DeflateTable(.codeLengths, primaryBits: 7, symbols: 19)

  /// Inflates what another source gives.
  package init(_ source: any ByteSource, name: String) {
    self.source = source
    self.name = name
    input = .allocate(capacity: GzipSource.inputSize + GzipSource.padding)
    output = .allocate(capacity: GzipSource.limit + GzipSource.slack)
    unsafe input.initialize(repeating: 0, count: GzipSource.inputSize + GzipSource.padding)
    unsafe output.initialize(repeating: 0, count: GzipSource.limit + GzipSource.slack)
  }

  deinit {
    unsafe input.deallocate()
    unsafe output.deallocate()
  }

  package var compressedPosition: Int64 { source.compressedPosition }

  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while delivered == produced {
      if case .ended = state { return 0 }
      try step()
    }
    let count = min(buffer.count, produced - delivered)
    // Both ends of the copy lie inside: what was produced lies in the output.
    unsafe buffer.baseAddress?.copyMemory(from: output + delivered, byteCount: count)
    delivered += count
    return count
  }

  /// Goes on to the next place where something was inflated or the state changes.
  private func step() throws {
    makeRoom()
    let before = produced
    do {
      switch state {
      case .member: try startMember()
      case .block: try startBlock()
      case .stored(let left): try copyStored(left)
      case .compressed: try inflateBlock()
      case .trailer: try endMember()
      case .ended: break
      }
    } catch is EndOfInput {
      // A stop may come in the middle of a stream.
      guard StopSignal.isRaised else { throw damaged("it ends inside a compressed block") }
      state = .ended
    }
    guard produced > before else { return }
    checksum = unsafe crc32(checksum, output + before, UInt32(produced - before))
    memberSize &+= UInt32(produced - before)
  }

  /// Moves the history to the front when the output is full.
  private func makeRoom() {
    guard produced >= GzipSource.limit else { return }
    let moved = produced - GzipSource.window
    unsafe output.update(from: output + moved, count: GzipSource.window)
    produced -= moved
    delivered -= moved
    historyStart = max(0, historyStart - moved)
  }

  private func damaged(_ problem: String) -> InputError {
    .damaged(file: name, compression: "gzip", problem: problem)
  }

  private func corrupt(_ what: String) -> InputError { damaged("its data is corrupt (\(what))") }

  // MARK: Bits

  private struct EndOfInput: Error {}

  /// Reads until the input holds enough for a few symbols, or all there is.
  private func fill() throws {
    let left = available - position
    if position > 0 {
      unsafe input.update(from: input + position, count: left)
      position = 0
      available = left
    }
    while available < GzipSource.padding, !isInputAtEnd {
      let room = unsafe UnsafeMutableRawBufferPointer(
        start: input + available,
        count: GzipSource.inputSize - available
      )
      let count = try unsafe source.read(into: room)
      available += count
      isInputAtEnd = count == 0
    }
    if isInputAtEnd {
      unsafe (input + available).update(repeating: 0, count: GzipSource.padding)
    }
  }

  /// The next byte of the input, nil at its end.
  private func nextByte() throws -> UInt8? {
    if position >= available {
      try fill()
      if available == 0 { return nil }
    }
    defer { position += 1 }
    return unsafe input[position]
  }

  /// Takes a few bits, at most 16.
  private func take(_ count: UInt64) throws -> Int {
    while bitCount < count {
      guard let byte = try nextByte() else { throw EndOfInput() }
      bits |= UInt64(byte) << bitCount
      bitCount += 8
    }
    let value = bits & (1 << count - 1)
    bits >>= count
    bitCount -= count
    return Int(value)
  }

  private func skipToByte() {
    bits >>= bitCount & 7
    bitCount &= ~7
  }

  // MARK: Members

  private func startMember() throws {
    var first = try isFirstMember ? take(8) : memberByte()
    // Padding of zeros after the last member is what tar and some shippers leave.
    while !isFirstMember, first == 0 { first = try memberByte() }
    if first < 0 {
      state = .ended
      return
    }
    isFirstMember = false
    let magic = try take(8)
    guard first == 0x1f, magic == 0x8b else { throw corrupt("not a gzip member") }
    guard try take(8) == 8 else { throw corrupt("unknown compression method") }
    let flags = try take(8)
    guard flags & 0xe0 == 0 else { throw corrupt("unknown header flags") }
    for _ in 0..<6 { _ = try take(8) }
    if flags & 4 != 0 {
      for _ in 0..<(try take(16)) { _ = try take(8) }
    }
    for text in [8, 16] where flags & text != 0 {
      while try take(8) != 0 {}
    }
    if flags & 2 != 0 { _ = try take(16) }
    historyStart = produced
    checksum = 0
    memberSize = 0
    state = .block
  }

  /// A byte between members, -1 at the end.
  private func memberByte() throws -> Int {
    if bitCount >= 8 { return try take(8) }
    return try nextByte().map { Int($0) } ?? -1
  }

  private func endMember() throws {
    skipToByte()
    let sum = try take(16) | take(16) << 16
    let size = try take(16) | take(16) << 16
    guard UInt(sum) == checksum else { throw corrupt("wrong checksum") }
    guard UInt32(size) == memberSize else { throw corrupt("wrong length") }
    state = .member
  }

  // MARK: Blocks

  private func startBlock() throws {
    guard !isLastBlock else {
      isLastBlock = false
      state = .trailer
      return
    }
    isLastBlock = try take(1) == 1
    switch try take(2) {
    case 0:
      skipToByte()
      let length = try take(16)
      guard try take(16) == length ^ 0xffff else { throw corrupt("invalid stored block") }
      state = .stored(length)
    case 1:
      let lengths =
        [UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112)
        + [UInt8](repeating: 7, count: 24) + [UInt8](repeating: 8, count: 8)
      _ = literals.build(lengths[...])
      _ = distances.build([UInt8](repeating: 5, count: 32)[...])
      state = .compressed
    case 2:
      try readCodes()
      state = .compressed
    default: throw corrupt("unknown block type")
    }
  }

  private static let codeLengthOrder = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
  ]

  /// Reads the codes of a block.
  private func readCodes() throws {
    let literalCount = try take(5) + 257
    let distanceCount = try take(5) + 1
    let codeCount = try take(4) + 4
    guard literalCount <= 286, distanceCount <= 30 else { throw corrupt("too many symbols") }
    var codes = [UInt8](repeating: 0, count: 19)
    for index in 0..<codeCount { codes[GzipSource.codeLengthOrder[index]] = UInt8(try take(3)) }
    guard codeLengths.build(codes[...]) else { throw corrupt("invalid code lengths") }
    var lengths: [UInt8] = []
    while lengths.count < literalCount + distanceCount {
      let symbol = try codeLength()
      switch symbol {
      case 0..<16: lengths.append(UInt8(symbol))
      case 16:
        guard let last = lengths.last else { throw corrupt("invalid code lengths") }
        lengths.append(contentsOf: repeatElement(last, count: try take(2) + 3))
      case 17: lengths.append(contentsOf: repeatElement(0, count: try take(3) + 3))
      default: lengths.append(contentsOf: repeatElement(0, count: try take(7) + 11))
      }
    }
    guard lengths.count == literalCount + distanceCount, lengths[256] > 0,
      literals.build(lengths[..<literalCount]), distances.build(lengths[literalCount...])
    else { throw corrupt("invalid codes") }
  }

  /// Reads one symbol of the code of code lengths, bit by bit as far as needed.
  private func codeLength() throws -> Int {
    for length in 1...7 as ClosedRange<UInt64> {
      while bitCount < length {
        guard let byte = try nextByte() else { throw EndOfInput() }
        bits |= UInt64(byte) << bitCount
        bitCount += 8
      }
      // Seven bits index the table; those not read yet are zero.
      let entry = unsafe codeLengths.entries[Int(bits & 0x7f)]
      if entry & DeflateTable.exceptional == 0, UInt64(entry & 0xf) <= bitCount {
        _ = try take(UInt64(entry & 0xf))
        return Int(entry >> 8 & 0xff)
      }
    }
    throw corrupt("invalid code lengths")
  }

  private func copyStored(_ left: Int) throws {
    var left = left
    while left > 0, produced < GzipSource.limit {
      if bitCount >= 8 {
        unsafe output[produced] = UInt8(try take(8))
        produced += 1
        left -= 1
        continue
      }
      if position >= available { try fill() }
      let count = min(left, available - position, GzipSource.limit - produced)
      guard count > 0 else { throw EndOfInput() }
      // The count was cut to what the input holds and the output has room for.
      unsafe (output + produced).update(from: input + position, count: count)
      position += count
      produced += count
      left -= count
    }
    state = left > 0 ? .stored(left) : .block
  }

  /// Inflates a compressed block up to its end or until the output is full.
  private func inflateBlock() throws {
    while produced < GzipSource.limit {
      if available - position < GzipSource.padding, !isInputAtEnd { try fill() }
      let pause = inflateSymbols()
      // Bits behind the end of the input were zeros of its padding.
      guard position <= available else { throw EndOfInput() }
      switch pause {
      case .blockEnd:
        state = .block
        return
      case .inputEnd: if isInputAtEnd { throw EndOfInput() }
      case .outputFull: return
      case .invalid: throw corrupt("invalid codeword or distance")
      }
    }
  }

  private enum Pause {
    case blockEnd, inputEnd, outputFull, invalid
  }

  /// Inflates symbols while input and output last: the hot loop.
  ///
  /// Its loads and stores are not checked, with which it ran at two thirds of the speed. They stay inside:
  /// an iteration begins at most 16 bytes before the end of the input, or 8 behind it where `padding` zeros
  /// follow, and takes at most 14 bytes; it begins before the limit of the output and writes at most `slack`
  /// bytes; a match reaches back to the history's start at most; tables are indexed by as many bits as they have.
  private func inflateSymbols() -> Pause {
    let input = UnsafeRawPointer(self.input)
    let output = UnsafeMutableRawPointer(self.output)
    let literals = self.literals.entries
    let distances = self.distances.entries
    let lastStart = isInputAtEnd ? available + 8 : available - 16
    var position = self.position
    var bits = self.bits
    var bitCount = self.bitCount
    var produced = self.produced
    // What was produced when the input had not been overrun yet.
    var safe = produced
    defer {
      // Whole bytes go back to the input; bits above the count were loaded in advance.
      self.position = position &- Int(bitCount &>> 3)
      self.bitCount = bitCount & 7
      self.bits = bits & (1 &<< (bitCount & 7) &- 1)
      self.produced = self.position > available ? safe : produced
    }
    while produced < GzipSource.limit {
      guard position <= lastStart else { return .inputEnd }
      if position &- Int(bitCount &>> 3) <= available { safe = produced }
      unsafe bits |= load(input, position) &<< bitCount
      position &+= 7 &- Int(bitCount &>> 3)
      bitCount |= 56
      var entry = unsafe literals[Int(truncatingIfNeeded: bits & 0x7ff)]
      // Two literals take at most 22 of 56 bits, and leave enough for a length.
      var run = 0
      while entry & DeflateTable.literal != 0, run < 2 {
        bits &>>= UInt64(entry & 0xf)
        bitCount &-= UInt64(entry & 0xf)
        unsafe output.storeBytes(
          of: UInt8(truncatingIfNeeded: entry &>> 8),
          toByteOffset: produced,
          as: UInt8.self
        )
        produced &+= 1
        run &+= 1
        entry = unsafe literals[Int(truncatingIfNeeded: bits & 0x7ff)]
      }
      if entry & DeflateTable.literal != 0 { continue }
      if entry & DeflateTable.exceptional != 0 {
        if entry & DeflateTable.subtable != 0 {
          bits &>>= UInt64(entry & 0xf)
          bitCount &-= UInt64(entry & 0xf)
          let index = bits & (1 &<< UInt64(entry &>> 4 & 0xf) &- 1)
          entry = unsafe literals[Int(entry &>> 8 & 0xffff) &+ Int(truncatingIfNeeded: index)]
        }
        if entry & DeflateTable.literal != 0 {
          bits &>>= UInt64(entry & 0xf)
          bitCount &-= UInt64(entry & 0xf)
          unsafe output.storeBytes(
            of: UInt8(truncatingIfNeeded: entry &>> 8),
            toByteOffset: produced,
            as: UInt8.self
          )
          produced &+= 1
          continue
        }
        if entry & DeflateTable.exceptional != 0 {
          guard entry & 0xf != 0, entry &>> 8 & 0xffff == 1 else { return .invalid }
          bits &>>= UInt64(entry & 0xf)
          bitCount &-= UInt64(entry & 0xf)
          return .blockEnd
        }
      }
      bits &>>= UInt64(entry & 0xf)
      bitCount &-= UInt64(entry & 0xf)
      var extra = UInt64(entry &>> 4 & 0xf)
      let length =
        Int(entry &>> 8 & 0xffff) &+ Int(truncatingIfNeeded: bits & (1 &<< extra &- 1))
      bits &>>= extra
      bitCount &-= extra
      if bitCount < 28 {
        unsafe bits |= load(input, position) &<< bitCount
        position &+= 7 &- Int(bitCount &>> 3)
        bitCount |= 56
      }
      entry = unsafe distances[Int(truncatingIfNeeded: bits & 0xff)]
      if entry & DeflateTable.subtable != 0 {
        bits &>>= UInt64(entry & 0xf)
        bitCount &-= UInt64(entry & 0xf)
        let index = bits & (1 &<< UInt64(entry &>> 4 & 0xf) &- 1)
        entry = unsafe distances[Int(entry &>> 8 & 0xffff) &+ Int(truncatingIfNeeded: index)]
      }
      guard entry & DeflateTable.exceptional == 0 else { return .invalid }
      bits &>>= UInt64(entry & 0xf)
      bitCount &-= UInt64(entry & 0xf)
      extra = UInt64(entry &>> 4 & 0xf)
      let distance =
        Int(entry &>> 8 & 0xffff) &+ Int(truncatingIfNeeded: bits & (1 &<< extra &- 1))
      bits &>>= extra
      bitCount &-= extra
      guard distance <= produced &- historyStart else { return .invalid }
      unsafe copy(output + produced, distance: distance, length: length)
      produced &+= length
    }
    return .outputFull
  }

  @inline(__always)
  private func load(_ input: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe input.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// Copies a match; up to 15 bytes behind it are overwritten.
  @inline(__always)
  private func copy(_ target: UnsafeMutableRawPointer, distance: Int, length: Int) {
    let source = unsafe target - distance
    var offset = 0
    if distance >= 16 {
      repeat {
        let vector = unsafe source.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
        unsafe target.storeBytes(of: vector, toByteOffset: offset, as: SIMD16<UInt8>.self)
        offset &+= 16
      } while offset < length
    } else if distance >= 8 {
      repeat {
        let word = unsafe source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        unsafe target.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
        offset &+= 8
      } while offset < length
    } else {
      repeat {
        let byte = unsafe source.load(fromByteOffset: offset, as: UInt8.self)
        unsafe target.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        offset &+= 1
      } while offset < length
    }
  }
}
