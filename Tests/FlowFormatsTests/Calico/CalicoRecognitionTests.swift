import Foundation
import TestSupport
import Testing

@testable import FlowFormats

@Suite("Which logs the Calico decoders take for their own")
struct CalicoRecognitionTests {
  @Test(
    "Logs of other formats are not claimed",
    arguments: ["hubble", "vpc-aws", "vpc-gcp", "vpc-azure", "aws-npa", "inventory"]
  )
  func othersAreNotClaimed(_ folder: String) throws {
    guard let url = ProjectFiles.shared("flows/\(folder)") else { return }
    let files = FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil)
    var seen = 0
    while let file = files?.nextObject() as? URL {
      guard let data = try? Data(contentsOf: file) else { continue }
      seen += 1
      let bytes = Array(data.prefix(65_536))
      let claims = [
        CalicoDecoder.recognizes(bytes.span.bytes),
        CalicoPacketDecoder.recognizes(bytes.span.bytes),
      ]
      #expect(claims == [false, false], "\(file.lastPathComponent)")
    }
    #expect(seen > 0)
  }

  @Test(
    "Every wrapped form is claimed",
    arguments: [
      #"data: {"source_name":"a-*","source_namespace":"x","dest_name":"b","reporter":"Src"}"#,
      #"{"total":{"totalPages":1},"items":[{"source_name":"a","dest_name":"b","reporter":"Dst","policies":{}}]}"#,
      #"{"id":4,"flow":{"Key":{"source_name":"a","dest_name":"b","reporter":1}}}"#,
      #"{"Key":{"sourceName":"a","destName":"b","reporter":"Src"}}"#,
      #"{"_source":{"source_name_aggr":"a-*"}}"#,
      #"2026-09-15T16:20:01.123456789Z stdout F {"dest_name_aggr":"pub"}"#,
      #"{"log":"{\"source_name_aggr\":\"a-*\"}\n"}"#,
      "1526000000 1526000010 wep default client-* - wep default server-* - - - 6 - 80 1 1 0 src 0 1 0 100 allow",
    ]
  )
  func wrapped(_ text: String) {
    #expect(CalicoHarness.recognizes(CalicoDecoder.self, text))
  }

  @Test(
    "Logs that only share words are not claimed",
    arguments: [
      #"{"source_name":"a","dest_name":"b"}"#, #"{"kind":"PodList","items":[]}"#,
      #"{"message":"the key source_name_aggr is unknown"}"#, "", "calico-felix[12]: INFO started",
      #"{"reporter":"SRC","src_instance":{}}"#,
    ]
  )
  func similarWords(_ text: String) {
    #expect(!CalicoHarness.recognizes(CalicoDecoder.self, text))
    #expect(!CalicoHarness.recognizes(CalicoPacketDecoder.self, text))
  }
}
