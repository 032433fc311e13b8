import FlowModel

/// The order in which a log's records name their members, learnt from the records themselves.
///
/// The records of a log are written by one program: behind a member stands the same one as in the record
/// before, so its key is compared as a whole instead of being looked for. A key that is not the expected one
/// is told apart as any other, and expected the next time.
struct CalicoMemberOrder: Sendable {
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
    fileprivate(set) var member: CalicoMember

    /// Whether it stands at the offset of the comma or brace.
    @inline(__always)
    func stands(in bytes: RawSpan, at position: Int) -> Bool {
      bytes.knownVector(at: position) & text.mask == text.bytes
    }
  }

  /// The longest text of a key that is remembered; those of the usual members are shorter.
  private static let longestText = MemoryLayout<SIMD4<UInt64>>.size
  /// The most keys remembered, three times what records have.
  private static let mostSteps = 128

  /// The step behind the brace before the first member.
  static let start = 0
  /// The step behind any key that is not remembered: what may stand behind a brace is never expected there.
  private static let elsewhere = 1

  /// No text of a record is like it: what is expected where nothing is known.
  private static let nothing = Expected(
    text: Text(bytes: SIMD4(repeating: ~0), mask: SIMD4(repeating: ~0)),
    step: UInt16(elsewhere),
    count: 0,
    member: .unreadable
  )

  /// The texts of the steps.
  private var texts = [nothing.text, nothing.text]
  /// What is expected behind each step.
  private var expected = [nothing, nothing]

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
    _ member: CalicoMember,
    _ bytes: RawSpan,
    _ position: Int,
    value: Int,
    behind step: Int
  ) -> Int {
    let count = value - position
    guard count <= CalicoMemberOrder.longestText else { return CalicoMemberOrder.elsewhere }
    var mask = SIMD4<UInt64>()
    for index in 0..<4 where index * 8 < count {
      mask[index] = JSONWord.mask(count - index * 8).littleEndian
    }
    let text = Text(bytes: bytes.knownVector(at: position) & mask, mask: mask)
    var own = texts.firstIndex(of: text) ?? texts.count
    if own == CalicoMemberOrder.mostSteps {
      // More than any log has: all is learnt anew.
      self = CalicoMemberOrder()
      own = CalicoMemberOrder.elsewhere
    } else {
      if own == texts.count {
        texts.append(text)
        expected.append(CalicoMemberOrder.nothing)
      }
      expected[step] = Expected(
        text: text,
        step: UInt16(own),
        count: UInt8(count),
        member: member
      )
    }
    return own
  }
}
