import FlowAggregation
import FlowFormats
import Foundation

/// Decodes a file from memory, block by block, without store: the scanners alone, in processor time.
///
/// Addresses of 10.0.0.0/8 are pods, so that those of a VPC log are found as with an inventory.
/// Usage: ScannerBenchmark FILE [PASSES]
guard CommandLine.arguments.count > 1,
  let data = FileManager.default.contents(atPath: CommandLine.arguments[1])
else {
  print("Usage: ScannerBenchmark FILE [PASSES]")
  exit(64)
}
let bytes = [UInt8](data)
let passes = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 3 : 3
guard let format = LogFormat.detect(bytes.span.bytes.extracting(0..<min(bytes.count, 65_536)))
else {
  print("no known format")
  exit(2)
}
for _ in 0..<passes {
  var decoder = format.decoder.init(options: DecoderOptions())
  var accumulator = EvidenceAccumulator(logKind: format.logKind, resolver: PodPairs())
  let started = clock()
  var start = 0
  var line = 1
  while start < bytes.count {
    var end = min(start + 256 * 1024, bytes.count)
    while end > start, bytes[end - 1] != 0x0a { end -= 1 }
    guard end > start else { break }
    line += decoder.decode(
      lines: bytes.span.bytes.extracting(start..<end),
      firstLine: line,
      into: &accumulator
    )
    start = end
  }
  decoder.finish(into: &accumulator)
  accumulator.finish()
  let seconds = Double(clock() - started) / Double(CLOCKS_PER_SEC)
  print(
    "\(format.rawValue): \(Double(start) / 1e9 / seconds) GB/s, \(line - 1) lines, "
      + "\(Int(seconds * 1e9) / max(line - 1, 1)) ns each, "
      + "\(accumulator.edges.count) edges"
  )
}
