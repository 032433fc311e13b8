import Foundation
import FlowFormats
import FlowModel
import FlowAggregation
import TestSupport
import Testing
@Suite struct HubbleSamplesTests {
  @Test func show() throws {
    guard let folder = ProjectFiles.shared("flows/hubble") else { return }
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    where !name.hasSuffix(".gz") {
      let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
      var lines = text.split(separator: "\n").map(String.init)
      if let value = try? JSONSerialization.jsonObject(with: Data(text.utf8)),
        let array = value as? [Any]
      {
        lines = array.map {
          String(decoding: try! JSONSerialization.data(withJSONObject: $0), as: UTF8.self)
        }
      }
      var o = DecoderOptions()
      o.assumedTime = 1_700_000_000_000_000
      let a = decodeHubble(lines, options: o)
      print(
        "== \(name) records \(lines.count) used \(a.counts.used) rej \(a.counts.rejectedCount) \(a.counts.rejections.first.map{"\($0)"} ?? "") marks \(a.marksReplies) notes \(a.counts.notes)"
      )
      print("   ", a.discards.joined(separator: ", "))
      for w in a.words { print("   ", w) }
    }
  }
}
