import FlowModel

/// Where the columns of the next lines of a block begin, found 64 bytes at a time.
///
/// The blanks of many lines are found in one go, since to stop at the end of each line would cost more
/// than the finding itself. Neither the block nor the room for the starts is checked anew at each step: both
/// must outlive it, and the room must be for ``room`` starts.
@safe
struct ColumnStarts {
  /// How many starts there must be room for: those kept, those of one more chunk, and the unwanted.
  static let room = capacity + 64 + stride
  /// How many starts are found ahead, about.
  private static let capacity = 1024
  /// So many starts are written at once, wanted or not: the number of a chunk's blanks is not foreseeable.
  private static let stride = 10
  /// The most chunks that are looked at ahead.
  private static let mostAhead = 32
  /// The most columns of a line whose starts fit in.
  static let maximumColumns = 512
  /// Bytes behind the start of any column that are inside the block.
  static let reach = 32

  private let bytes: UnsafeRawPointer
  /// Starts of columns in ascending order; each but the first follows a separator.
  private let starts: UnsafeMutablePointer<UInt32>
  /// Those before are used up.
  private var first = 0
  /// Those from here on are not found yet.
  private var end = 1
  /// Chunks to look at ahead: few at first, as the first line may be none of the usual ones.
  private var ahead = 4
  /// The offset of the next chunk.
  private var chunk: Int
  /// The last offset at which a chunk may be looked at.
  private let lastChunk: Int
  /// Bits of the next chunk's bytes that follow a separator in the chunk before, or begin the first line.
  private var follows: UInt64
  /// Bits of the bytes of the next chunk that belong to the lines.
  private var inside: UInt64

  /// Begins at the start of a line.
  init(
    _ bytes: UnsafeRawPointer,
    byteCount: Int,
    from start: Int,
    room: UnsafeMutablePointer<UInt32>
  ) {
    unsafe self.bytes = unsafe bytes
    unsafe starts = unsafe room
    chunk = start & ~63
    follows = 1 &<< UInt64(truncatingIfNeeded: start & 63)
    inside = ~0 &<< UInt64(truncatingIfNeeded: start & 63)
    lastChunk = byteCount &- 64 &- ColumnStarts.reach
    unsafe starts[0] = UInt32(truncatingIfNeeded: start)
  }

  /// The starts of the columns of the next line, and that of the line after it; nil when they are not there.
  @inline(__always)
  mutating func line(of columns: Int) -> UnsafePointer<UInt32>? {
    if end &- first <= columns, !find(columns) { return nil }
    return unsafe UnsafePointer(starts + first)
  }

  /// The start of the next line.
  var lineStart: Int { Int(unsafe starts[first]) }

  /// Goes on to the next line.
  @inline(__always)
  mutating func advance(by columns: Int) { first &+= columns }

  /// Looks at more of the block.
  @inline(never)
  private mutating func find(_ columns: Int) -> Bool {
    // At most `maximumColumns` are left, fewer than `capacity`; `end` never comes to lie behind that plus 64.
    let kept = end &- first
    for index in 0..<kept { unsafe starts[index] = starts[first &+ index] }
    first = 0
    end = kept
    var left = ColumnStarts.mostAhead
    let enough = left &- ahead
    ahead = min(ahead &* 2, ColumnStarts.mostAhead)
    while left > 0, left > enough || end <= columns, end <= ColumnStarts.capacity,
      chunk <= lastChunk
    {
      left &-= 1
      // The chunk and the reach behind it are inside the block.
      let blanks = unsafe ColumnStarts.blanks(bytes + chunk) & inside
      // A column without bytes: not a usual line.
      let empty = blanks & (blanks &<< 1 | follows)
      guard empty == 0 else {
        add(blanks & ((empty & (0 &- empty)) &- 1))
        chunk = Int.max
        break
      }
      add(blanks)
      inside = ~0
      follows = blanks &>> 63
      chunk &+= 64
    }
    return end > columns
  }

  /// Adds the offsets behind the separators of the next chunk.
  @inline(__always)
  private mutating func add(_ separators: UInt64) {
    let base = UInt32(truncatingIfNeeded: chunk &+ 1)
    var left = separators
    var target = end
    end &+= separators.nonzeroBitCount
    repeat {
      for index in 0..<ColumnStarts.stride {
        // There is room for a stride behind the 64 that a chunk may add.
        unsafe starts[target &+ index] =
          base &+ UInt32(truncatingIfNeeded: left.trailingZeroBitCount)
        left &= left &- 1
      }
      target &+= ColumnStarts.stride
    } while target < end
  }
}

// MARK: - Blanks

extension ColumnStarts {
  /// Which of 64 bytes are up to 0x20: bit 0 for the first one.
  @inline(__always)
  private static func blanks(_ bytes: UnsafeRawPointer) -> UInt64 {
    // Bits 0, 2, 4 and 6 of a byte: what stands 0, 16, 32 and 48 bytes behind it.
    let others =
      unsafe others(bytes, at: 0, 7) | others(bytes, at: 16, 5) | others(bytes, at: 32, 3)
      | others(bytes, at: 48, 1)
    // Sixteen bytes are also two numbers.
    let rows = unsafe unsafeBitCast(others, to: SIMD2<UInt64>.self)
    // Row l, column c holds byte 8 * c + l: turned about, the bits are in order.
    return ~transposed(rows[0] | rows[1] &<< 1)
  }

  /// The top bit of each of 16 bytes that is no blank, moved down.
  ///
  /// Comparisons of vectors would say the same, but the standard library makes them byte by byte.
  @inline(__always)
  private static func others(_ bytes: UnsafeRawPointer, at offset: Int, _ shift: UInt8)
    -> SIMD16<UInt8>
  {
    // Any 16 bytes are such a vector.
    let chunk = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
    // 0x21 and above carry into the top bit.
    let found = ((chunk & SIMD16(repeating: 0x7f)) &+ SIMD16(repeating: 0x5f)) | chunk
    return (found & SIMD16(repeating: 0x80)) &>> SIMD16(repeating: shift)
  }

  /// Turns 8 rows of 8 bits into columns.
  @inline(__always)
  private static func transposed(_ rows: UInt64) -> UInt64 {
    var bits = rows
    var moved = (bits ^ bits &>> 7) & 0x00aa_00aa_00aa_00aa
    bits ^= moved ^ moved &<< 7
    moved = (bits ^ bits &>> 14) & 0x0000_cccc_0000_cccc
    bits ^= moved ^ moved &<< 14
    moved = (bits ^ bits &>> 28) & 0x0000_0000_f0f0_f0f0
    return bits ^ moved ^ moved &<< 28
  }
}
