import FlowModel

/// A 64-bit hash of bytes, equal on every machine; for recognising inputs, not against forgery.
package enum ContentHash {
  /// Hashes a span.
  package static func hash(_ span: RawSpan) -> UInt64 {
    var state: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(span.byteCount)
    var index = 0
    while index + 8 <= span.byteCount {
      // Any eight bytes are a number; the load checks that they lie inside.
      let word = unsafe span.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
      state = mix(state ^ UInt64(littleEndian: word))
      index += 8
    }
    while index < span.byteCount {
      state = mix(state ^ UInt64(span.byte(at: index)))
      index += 1
    }
    return state
  }

  /// Hashes an array.
  package static func hash(_ bytes: some Collection<UInt8>) -> UInt64 {
    let copy = Array(bytes)
    return hash(unsafe copy.span.bytes)
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value &* 0x9E37_79B9_7F4A_7C15
    mixed ^= mixed >> 32
    mixed = mixed &* 0xD6E8_FEB8_6659_FD93
    return mixed ^ (mixed >> 29)
  }
}
