/// What stands for itself between quotes, looked for eight bytes at a time.
package enum JSONPlainText {
  /// The top bits of the bytes of a word that are a quote, a backslash, a control character or not ASCII.
  ///
  /// Below the lowest one there is none of them; above it there may be false ones.
  package static func stops(in word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = (word ^ 0x2222_2222_2222_2222) &- ones
    let backslashes = (word ^ 0x5c5c_5c5c_5c5c_5c5c) &- ones
    let controls = word &- 0x2020_2020_2020_2020
    // 0x7f becomes 0x80.
    return (quotes | backslashes | controls | word | (word &+ ones)) & 0x8080_8080_8080_8080
  }
}
