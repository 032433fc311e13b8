import FlowModel

/// Reads the times of flows: the date of one record is nearly always that of the next.
struct HubbleDates: Sendable {
  private var date: UInt64 = 0
  /// Three bytes; no three bytes are equal to what it starts with.
  private var dayAndMark = UInt64.max
  private var midnight: Int64 = 0

  /// Reads a time in quotes; -1 when it is none.
  @inline(never)
  mutating func scan(_ bytes: RawSpan, _ start: Int, _ time: inout Int64?) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "\"") else { return -1 }
    // `2026-11-`, `02T` and the clock `00:08:21` are three words that overlap.
    guard bytes.knownWord(at: start &+ 1) == date,
      bytes.knownWord(at: start &+ 9) & 0xff_ffff == dayAndMark,
      let clock = HubbleDates.clock(bytes.knownWord(at: start &+ 12))
    else { return scanNewDate(bytes, start, &time) }
    var position = start &+ 20
    var fraction: Int64 = 0
    if bytes.knownByte(at: position) == UInt8(ascii: ".") {
      position &+= 1
      let digits = bytes.knownWord(at: position) &- 0x3030_3030_3030_3030
      if RawSpan.nonDigits(in: digits) == 0 {
        // Digits behind the sixth are less than a microsecond.
        fraction = Int64(RawSpan.number(digits) / 100)
        position &+= 8
        while bytes.knownByte(at: position) &- 0x30 < 10 { position &+= 1 }
      } else {
        let first = position
        var scale: Int64 = 100_000
        while true {
          let digit = bytes.knownByte(at: position) &- 0x30
          guard digit < 10 else { break }
          fraction &+= Int64(digit) &* scale
          scale /= 10
          position &+= 1
        }
        guard position > first else { return -1 }
      }
    }
    // `Z"`
    guard bytes.knownByte(at: position) == UInt8(ascii: "Z"),
      bytes.knownByte(at: position &+ 1) == UInt8(ascii: "\"")
    else { return scanNewDate(bytes, start, &time) }
    time = midnight &+ clock &* Timestamps.second &+ fraction
    return position &+ 2
  }

  /// Seconds of the day of `hh:mm:ss`, nil when it is no time of day.
  @inline(__always)
  private static func clock(_ word: UInt64) -> Int64? {
    let digits = word &- 0x3030_3a30_303a_3030
    // Every digit is below ten, and the colons are themselves: adding 6 to a digit leaves its upper half 0.
    let upper = (digits | (digits &+ 0x0606_0006_0600_0606)) & 0xf0f0_fff0_f0ff_f0f0
    guard upper == 0 else { return nil }
    let hour = (digits & 0xf) &* 10 &+ (digits &>> 8 & 0xf)
    let minute = (digits &>> 24 & 0xf) &* 10 &+ (digits &>> 32 & 0xf)
    let second = (digits &>> 48 & 0xf) &* 10 &+ (digits &>> 56 & 0xf)
    guard hour < 24, minute < 60, second <= 60 else { return nil }
    return Int64(truncatingIfNeeded: hour &* 3600 &+ minute &* 60 &+ second)
  }

  @inline(never)
  private mutating func scanNewDate(_ bytes: RawSpan, _ start: Int, _ time: inout Int64?) -> Int {
    let end = bytes.plainStringEnd(start + 1)
    guard end > start + 11, let read = Timestamps.parse(bytes: bytes.extracting(start + 1..<end))
    else { return -1 }
    time = read
    if bytes.knownByte(at: start + 11) == UInt8(ascii: "T"),
      let day = Timestamps.parse(bytes: bytes.extracting(start + 1..<start + 11))
    {
      date = bytes.knownWord(at: start + 1)
      dayAndMark = bytes.knownWord(at: start + 9) & 0xff_ffff
      midnight = day
    }
    return end + 1
  }
}
