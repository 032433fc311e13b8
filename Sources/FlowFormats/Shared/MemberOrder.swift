import FlowModel

/// The order in which a log's records name their members, learnt from the records themselves.
///
/// The records of a log are written by one program: behind a member stands the same one as in the record
/// before, so its key is compared as a whole instead of being looked for. A key that is not the expected one
/// is told apart as any other, and expected the next time.
///
/// What a scanner does with a member is known with its key, so a member that is expected costs one
/// comparison of 32 bytes: in Calico's records, with their forty short members, that took a third of the reading.
struct MemberOrder<Member: Sendable>: Sendable {
  /// A key with what stands around it.
  fileprivate struct Text: Equatable {
    /// The comma or brace before it, its bytes with their quotes, and the colon; zero behind them.
    var bytes: SIMD4<UInt64>
    /// All bits of the bytes that count.
    var mask: SIMD4<UInt64>
  }

  /// What is expected behind a member.
  struct Expected {
    fileprivate var text: Text
    /// The number of this member's own step.
    fileprivate(set) var step: UInt16
    /// The bytes of its text.
    fileprivate(set) var count: UInt8
    fileprivate(set) var member: Member

    /// Whether it stands at the offset of the comma or brace.
    @inline(__always)
    func stands(in bytes: RawSpan, at position: Int) -> Bool {
      bytes.knownVector(at: position) & text.mask == text.bytes
    }
  }

  /// The longest text of a key that is remembered; those of the usual members are shorter.
  private static var longestText: Int { MemoryLayout<SIMD4<UInt64>>.size }
  /// The most keys remembered, three times what records have.
  private static var mostSteps: Int { 128 }

  /// The step behind the brace before the first member.
  static var start: Int { 0 }
  /// The step behind any key that is not remembered: what may stand behind a brace is never expected there.
  private static var elsewhere: Int { 1 }

  /// What is expected where nothing is known: no text of a record is like it.
  private let nothing: Expected
  /// The texts of the steps.
  private var texts: [Text]
  /// What is expected behind each step.
  private var expected: [Expected]

  /// Makes an order that knows nothing yet.
  ///
  /// - Parameter unknown: Any member; it is never found.
  init(unknown: Member) {
    nothing = Expected(
      text: Text(bytes: SIMD4(repeating: ~0), mask: SIMD4(repeating: ~0)),
      step: UInt16(Self.elsewhere),
      count: 0,
      member: unknown
    )
    texts = [nothing.text, nothing.text]
    expected = [nothing, nothing]
  }

  /// What is expected behind a step.
  @inline(__always)
  subscript(step: Int) -> Expected { expected[step] }

  /// Expects a member behind a step from now on, unless its key is a very long one.
  ///
  /// - Parameters:
  ///   - position: The offset of the comma or brace before the key.
  ///   - value: The offset behind the colon.
  ///   - step: The step of the member before.
  /// - Returns: The step of this one.
  @inline(never)
  mutating func expect(
    _ member: Member,
    _ bytes: RawSpan,
    _ position: Int,
    value: Int,
    behind step: Int
  ) -> Int {
    let count = value - position
    guard count <= Self.longestText else { return Self.elsewhere }
    var mask = SIMD4<UInt64>()
    for index in 0..<4 where index * 8 < count {
      mask[index] = JSONWord.mask(count - index * 8).littleEndian
    }
    let text = Text(bytes: bytes.knownVector(at: position) & mask, mask: mask)
    var own = texts.firstIndex(of: text) ?? texts.count
    if own == Self.mostSteps {
      // More than any log has: all is learnt anew.
      self = MemberOrder(unknown: nothing.member)
      own = Self.elsewhere
    } else {
      if own == texts.count {
        texts.append(text)
        expected.append(nothing)
      }
      // What stands behind a brace belongs to the object that it opens, and to no unknown key.
      if step != Self.elsewhere || bytes.knownByte(at: position) != UInt8(ascii: "{") {
        expected[step] = Expected(
          text: text,
          step: UInt16(own),
          count: UInt8(count),
          member: member
        )
      }
    }
    return own
  }
}
