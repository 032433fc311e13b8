import Testing

@testable import flowlearn

@Suite struct ProgressLineTests {
  private let line = ProgressLine(name: "flows.jsonl", total: 1_494_771_600)

  @Test("Bytes, rate, share and time left")
  func parts() {
    let text = line.text(597_908_640, after: .milliseconds(500), width: 100)
    #expect(
      text
        == "flows.jsonl  [########------------]  570.2 MiB of   1.4 GiB    1.1 GiB/s   40%  0:00 left"
    )
  }

  @Test("It never fills the line, and the time left is the last to go", arguments: 1...130)
  func width(_ width: Int) {
    for name in ["f", "flows.jsonl", String(repeating: "long", count: 60)] {
      for bytes in [0, 262_144, 597_908_640, 1_494_771_600] as [Int64] {
        let line = ProgressLine(name: name, total: 1_494_771_600)
        let text = line.text(bytes, after: .seconds(1), width: width)
        #expect(text.count < width)
        if width >= 40 { #expect(text.hasSuffix(" left")) }
      }
    }
  }

  @Test("It does not jump: the same length from the first seconds to the last")
  func steady() {
    let lengths = stride(from: Int64(9_999_991), through: 1_494_771_600, by: 9_999_991).map {
      line.text($0, after: .seconds(2), width: 120).count
    }
    #expect(Set(lengths).count == 1)
  }

  @Test("Without a known size there is no bar; names cannot steer the terminal")
  func unknownSize() {
    let line = ProgressLine(name: "a\u{1b}[2J\nb", total: 0)
    let text = line.text(2048, after: .seconds(1), width: 80)
    #expect(text == "a\\u{1b}[2J\\u{a}b    2.0 KiB    2.0 KiB/s")
  }

  @Test("A slow reading tells hours")
  func hours() {
    let text = line.text(1_000, after: .milliseconds(10), width: 120)
    #expect(text.hasSuffix("4:09:07 left"))
  }
}
