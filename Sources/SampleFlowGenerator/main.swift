import Foundation

/// Writes `sample-flows`: the same bytes on every run.
let folder = URL(fileURLWithPath: CommandLine.arguments.dropFirst().first ?? "sample-flows")
let traffic = SampleTraffic()

func write(_ text: String, to path: String) throws {
  let url = folder.appendingPathComponent(path)
  try FileManager.default.createDirectory(
    at: url.deletingLastPathComponent(),
    withIntermediateDirectories: true
  )
  try text.write(to: url, atomically: true, encoding: .utf8)
}

try write(
  HubbleSample.lines(traffic.connections).map { $0 + "\n" }.joined(),
  to: "hubble/flows.jsonl"
)
try write(
  CalicoSample.lines(traffic.connections).map { $0 + "\n" }.joined(),
  to: "calico/flows.log"
)
try write(
  VPCSample.lines(traffic.connections).map { $0 + "\n" }.joined(),
  to: "vpc/vpc-flow-logs.log"
)
try write(InventorySample.text(), to: "pods.json")
