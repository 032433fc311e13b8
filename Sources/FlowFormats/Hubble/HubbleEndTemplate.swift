/// What stands in the arena of a ``HubbleEndMemo``, one behind the other and filled up to a multiple of eight bytes,
/// so that what a lookup reads lies together.
enum HubbleEndTemplate {
  /// Offset of the hash.
  static let hash = 0
  /// Offset of the end, packed.
  static let end = 8
  /// Offset of the names the pod had last: each with its length in a byte before it.
  static let names = 16
  /// How many names there are, and the room of each.
  static let nameCount = 3
  static let nameRoom = 40
  /// Offset of the object's bytes.
  static let bytes = names + nameCount * nameRoom
  /// What stands there before any name is known.
  static let noNames = [UInt8](repeating: 0, count: nameCount * nameRoom)

  /// The bytes of one whose object has so many.
  static func size(_ count: Int) -> Int { (bytes + count + 7) & ~7 }
}

/// Where a template is and how long, in eight bytes: so much is known without waiting for the template's own
/// memory that what comes behind the object is read while the object is still being compared.
struct HubbleEndSlot: Sendable {
  /// The longest head and the longest tail.
  static let mostCount = (1 << 13) - 1
  /// The largest arena.
  static let mostBytes = 8 << 22

  /// From low to high bits: the offset in units of eight bytes (22), the counts of head and tail (13 each), and
  /// the upper part of the hash; never zero in a slot in use, for no head is empty.
  private var bits: UInt64 = 0

  /// Makes a slot in use.
  init(hash: UInt64, template: Int, head: Int, tail: Int) {
    bits = UInt64(template / 8) | UInt64(head) << 22 | UInt64(tail) << 35 | (hash >> 48) << 48
  }

  /// A slot that is not in use.
  init() {}

  @inline(__always)
  var isEmpty: Bool { bits == 0 }
  /// Offset of the template in the arena.
  @inline(__always)
  var template: Int { Int(truncatingIfNeeded: bits & 0x3f_ffff) &* 8 }
  /// The bytes from the first member behind `ID` to the pod's name; all when there is no tail.
  @inline(__always)
  var head: Int { Int(truncatingIfNeeded: bits &>> 22) & HubbleEndSlot.mostCount }
  /// The bytes from the quote behind the name; 0 when the object has no name.
  @inline(__always)
  var tail: Int { Int(truncatingIfNeeded: bits &>> 35) & HubbleEndSlot.mostCount }
  /// Whether it may be that of an object with this hash.
  @inline(__always)
  func mayHave(_ hash: UInt64) -> Bool { (bits ^ hash) &>> 48 == 0 }
}
