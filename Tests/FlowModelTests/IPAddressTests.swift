import FlowModel
import Glibc
import TestSupport
import Testing

@Suite("IP addresses")
struct IPAddressTests {
  @Test(
    "Every spelling of an address is one address",
    arguments: [
      ("10.1.2.3", "10.1.2.3"), ("::ffff:10.1.2.3", "10.1.2.3"), ("::ffff:a01:203", "10.1.2.3"),
      ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"),
      ("::1", "::1"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
      ("2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"), ("fe80::", "fe80::"),
      ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
      ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("010.001.002.003", "10.1.2.3"),
    ]
  )
  func spellings(text: String, canonical: String) {
    #expect(IPAddress(text)?.description == canonical)
  }

  @Test(
    "Text that is no address is none",
    arguments: [
      "", ":", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1..2.3", "1.2.3.", ".1.2.3", "a.b.c.d",
      "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "1.2.3.4/32", "::1%eth0", "[::1]", ":::", "1::2::3",
      "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::g", "1:2:3:4:5:6:7:1.2.3.4",
      "::1.2.3", "1:", ":1", "1:2:3:4:5:6:7::8", "١.٢.٣.٤",
    ]
  )
  func refusals(text: String) { #expect(IPAddress(text) == nil) }

  @Test("The system reads and writes addresses alike", arguments: Seed.samples(200))
  func system(seed: Seed) {
    var seed = seed
    let high = seed.next() & seed.next() & seed.next()
    let low = seed.next() & seed.next() & seed.next()
    let address = IPAddress(ipv6High: high, low: low)
    guard address.isIPv6 else { return }
    var words: [String] = []
    for half in [high, low] {
      for shift in [48, 32, 16, 0] as [UInt64] {
        words.append(String(half >> shift & 0xffff, radix: 16))
      }
    }
    let text = words.joined(separator: ":")
    #expect(IPAddress(text) == address)
    var raw = in6_addr()
    var buffer = [CChar](repeating: 0, count: 64)
    #expect(inet_pton(AF_INET6, address.description, &raw) == 1)
    #expect(inet_pton(AF_INET6, text, &raw) == 1)
    inet_ntop(AF_INET6, &raw, &buffer, 64)
    let system = String(
      decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)),
      as: UTF8.self
    )
    // The system writes some addresses with a dotted end; then only the value is compared.
    #expect(system.contains(".") ? IPAddress(system) == address : system == address.description)
  }

  @Test("IPv4 comes before IPv6, then the value decides")
  func order() throws {
    let sorted = ["9.0.0.1", "10.0.0.1", "::1", "2001:db8::1"]
    let shuffled = try sorted.reversed().map { try #require(IPAddress($0)) }
    #expect(shuffled.sorted().map(\.description) == sorted)
  }

  @Test("Special addresses are known")
  func special() throws {
    let metadata = try #require(IPAddress("169.254.169.254"))
    let metadata6 = try #require(IPAddress("fd00:ec2::254"))
    let cache = try #require(IPAddress("169.254.20.10"))
    #expect(metadata.isMetadataService && metadata.isLocalOrMulticast)
    #expect(metadata6.isMetadataService && !metadata6.isLocalOrMulticast)
    #expect(cache.isNodeLocalDNS && cache.isLocalOrMulticast && !cache.isMetadataService)
  }

  @Test(
    "Local and multicast addresses are never peers",
    arguments: [
      ("127.0.0.1", true), ("0.0.0.0", true), ("224.0.0.1", true), ("255.255.255.255", true),
      ("169.254.0.1", true), ("ff02::1", true), ("fe80::1", true), ("::1", true), ("::", true),
      ("8.8.8.8", false), ("10.0.0.1", false), ("2001:db8::1", false), ("fd00::1", false),
      ("223.255.255.255", false), ("febf::1", true), ("fec0::1", false),
    ]
  )
  func local(text: String, isLocal: Bool) {
    #expect(IPAddress(text)?.isLocalOrMulticast == isLocal)
  }

  @Test(
    "Private ranges",
    arguments: [
      ("10.255.0.1", true), ("172.16.0.1", true), ("172.31.255.255", true), ("172.32.0.1", false),
      ("192.168.1.1", true), ("192.169.1.1", false), ("100.64.0.1", true),
      ("100.127.255.255", true),
      ("100.128.0.1", false), ("fc00::1", true), ("fdff::1", true), ("fe00::1", false),
      ("11.0.0.1", false),
    ]
  )
  func privateRanges(text: String, isPrivate: Bool) {
    #expect(IPAddress(text)?.isPrivate == isPrivate)
  }
}

@Suite("Prefixes")
struct CIDRTests {
  @Test(
    "Host bits are cleared and bare addresses are whole",
    arguments: [
      ("10.1.2.3/8", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3/32"), ("10.1.2.3/0", "0.0.0.0/0"),
      ("2001:db8:1:2:3::1/48", "2001:db8:1::/48"), ("2001:db8::1", "2001:db8::1/128"),
      ("2001:db8:1:2:ff::1/72", "2001:db8:1:2::/72"),
      ("2001:db8:1:2:3:4:5:6/64", "2001:db8:1:2::/64"),
      ("::1/0", "::/0"), ("192.0.2.129/25", "192.0.2.128/25"),
    ]
  )
  func reading(text: String, prefix: String) { #expect(CIDR(text)?.description == prefix) }

  @Test(
    "What is no prefix is none",
    arguments: [
      "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8",
      "10.0.0.0/+8", "10.0.0.0/0008", "10.0.0.0/ 8",
    ]
  )
  func refusals(text: String) { #expect(CIDR(text) == nil) }

  @Test("Containing is by family and length", arguments: Seed.samples(100))
  func containing(seed: Seed) throws {
    var seed = seed
    let bits = UInt32.random(in: 0...UInt32.max, using: &seed)
    let length = Int.random(in: 0...32, using: &seed)
    let prefix = try #require(CIDR(IPAddress(ipv4: bits), prefixLength: length))
    let other = UInt32.random(in: 0...UInt32.max, using: &seed)
    let mask = length == 0 ? 0 : UInt32.max << UInt32(32 - length)
    #expect(prefix.contains(IPAddress(ipv4: other)) == (bits & mask == other & mask))
    #expect(prefix.contains(IPAddress(ipv4: bits)))
    #expect(!CIDR.worldIPv6.contains(IPAddress(ipv4: bits)))
    #expect(CIDR.worldIPv4.contains(prefix))
    #expect(prefix.contains(.worldIPv4) == (length == 0))
    #expect(prefix.sizeExponent == 32 - length)
  }
}
