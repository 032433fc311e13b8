import CZlib

/// Inflates gzip (RFC 1952) with zlib, several members after each other included.
///
/// zlib checks each member's checksum and length. Zeros behind the last member are passed over: tar and
/// some shippers leave them.
package final class GzipSource: ByteSource {
  private let input: any ByteSource
  private let name: String
  /// zlib's state points back at its stream, so the stream must stay where it is.
  private let stream: UnsafeMutablePointer<z_stream>
  private let started: Bool
  private var buffer = [UInt8](repeating: 0, count: 256 * 1024)
  private var available = 0
  private var offset = 0
  private var isInMember = true

  /// Inflates what another source gives; `name` is the file that errors speak of.
  package init(_ input: any ByteSource, name: String) {
    self.input = input
    self.name = name
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    started = unsafe flowlearn_inflate_init(stream) == Z_OK
  }

  deinit {
    if started { unsafe inflateEnd(stream) }
    unsafe stream.deallocate()
  }

  package var compressedPosition: Int64 { input.compressedPosition }

  package func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
    guard started else { throw damaged("zlib did not start") }
    var produced = 0
    while produced == 0 {
      if offset == available {
        available = try buffer.withUnsafeMutableBytes { try unsafe input.read(into: $0) }
        offset = 0
        if available == 0 {
          guard !isInMember || StopSignal.isRaised else {
            throw damaged("it ends inside a compressed block")
          }
          return 0
        }
      }
      if !isInMember {
        if buffer[offset] == 0 {
          offset += 1
          continue
        }
        unsafe inflateReset(stream)
        isInMember = true
      }
      let status = unsafe inflateSome(into: output, produced: &produced)
      if status == Z_STREAM_END {
        isInMember = false
      } else if status != Z_OK && status != Z_BUF_ERROR {
        throw damaged("its data is corrupt (zlib \(status))")
      }
    }
    return produced
  }

  private func damaged(_ problem: String) -> InputError {
    .damaged(file: name, compression: "gzip", problem: problem)
  }

  private func inflateSome(into output: UnsafeMutableRawBufferPointer, produced: inout Int)
    -> Int32
  {
    // zlib only reads next_in and writes next_out within the lengths given, during this call.
    unsafe buffer.withUnsafeMutableBufferPointer { input in
      unsafe stream.pointee.next_in = input.baseAddress.map { unsafe $0 + offset }
      unsafe stream.pointee.avail_in = UInt32(available - offset)
      unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
      unsafe stream.pointee.avail_out = UInt32(clamping: output.count)
      let status = unsafe inflate(stream, Z_NO_FLUSH)
      unsafe produced = output.count - Int(stream.pointee.avail_out)
      unsafe offset = available - Int(stream.pointee.avail_in)
      return status
    }
  }
}
