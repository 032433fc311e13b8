import FlowModel
import TestSupport
import Testing

@testable import PolicySynthesis

/// When addresses become prefixes.
struct AddressGroupingTests {
  private func groups(
    _ addresses: [String],
    widening: Bool = true,
    avoiding: [String] = []
  ) -> [String] {
    AddressGrouping(avoiding: avoiding.compactMap { CIDR($0) })
      .groups(addresses.compactMap { CIDR($0) }, widening: widening)
      .map { "\($0.prefix)\($0.isWidened ? "+" : "")" }
  }

  @Test("Single addresses stay: /32, and /128 for IPv6")
  func single() {
    #expect(groups(["203.0.113.7", "2001:db8::5"]) == ["203.0.113.7/32", "2001:db8::5/128"])
  }

  @Test("Addresses that fill a prefix are joined and open nothing", arguments: [true, false])
  func lossless(_ widening: Bool) {
    let four = ["203.0.113.4", "203.0.113.5", "203.0.113.6", "203.0.113.7"]
    #expect(groups(four, widening: widening) == ["203.0.113.4/30"])
    #expect(groups(["10.0.0.0", "10.0.0.1"], widening: widening) == ["10.0.0.0/31"])
  }

  @Test("A prefix with a quarter of its addresses seen is opened, one with less is not")
  func share() {
    #expect(
      groups(["203.0.113.1", "203.0.113.5", "203.0.113.9", "203.0.113.14"]) == ["203.0.113.0/28+"]
    )
    #expect(
      groups(["203.0.113.1", "203.0.113.9", "203.0.113.17", "203.0.113.30"])
        == ["203.0.113.1/32", "203.0.113.9/32", "203.0.113.17/32", "203.0.113.30/32"]
    )
  }

  @Test("Three addresses are too few, and exact grouping never opens")
  func tooFew() {
    #expect(groups(["203.0.113.1", "203.0.113.2", "203.0.113.4"]).count == 3)
    let five = ["203.0.113.1", "203.0.113.2", "203.0.113.4", "203.0.113.6", "203.0.113.7"]
    #expect(groups(five) == ["203.0.113.0/29+"])
    #expect(
      groups(five, widening: false)
        == ["203.0.113.1/32", "203.0.113.2/32", "203.0.113.4/32", "203.0.113.6/31"]
    )
  }

  @Test(
    "Private, special and cluster ranges are never opened",
    arguments: [
      ["10.0.0.1", "10.0.0.2", "10.0.0.4", "10.0.0.6"],
      ["100.64.0.1", "100.64.0.2", "100.64.0.4", "100.64.0.6"],
      ["203.0.113.1", "203.0.113.2", "203.0.113.4", "203.0.113.6"],
      ["fd00::1", "fd00::2", "fd00::4", "fd00::6"],
    ]
  )
  func neverOpened(_ addresses: [String]) {
    #expect(groups(addresses, avoiding: ["203.0.113.3"]).count == 4)
  }

  @Test("An IPv6 /64 with four hosts is opened as a whole")
  func wholeSubnet() {
    let hosts = ["2001:db8::1", "2001:db8::aaaa:1", "2001:db8::bbbb:2", "2001:db8::cccc:3"]
    #expect(groups(hosts) == ["2001:db8::/64+"])
    #expect(groups(Array(hosts.prefix(3))).count == 3)
  }

  @Test("A folded prefix holds its addresses, and counts as opened")
  func folded() {
    #expect(groups(["203.0.113.0/24", "203.0.113.7"]) == ["203.0.113.0/24+"])
  }

  @Test("Nothing is opened wider than /16")
  func widest() {
    #expect(groups(["20.0.0.0/16", "20.1.0.0/16", "20.2.0.0/16", "20.4.0.0/16"]).count == 4)
    #expect(
      groups(["20.0.0.0/18", "20.0.64.0/18", "20.0.128.0/18", "20.0.192.0/18"]) == ["20.0.0.0/16+"]
    )
  }

  @Test(
    "Groups hold every address, are disjoint, and open at most four times as many",
    arguments: Seed.samples(200)
  )
  func soundness(_ seed: Seed) {
    var random = seed
    let addresses = Set(
      (0..<Int.random(in: 1...60, using: &random)).map { _ in
        IPAddress(ipv4: 0xCB00_7100 + UInt32.random(in: 0..<300, using: &random))
      }
    )
    for widening in [true, false] {
      let groups = AddressGrouping(avoiding: []).groups(
        addresses.map { CIDR(single: $0) },
        widening: widening
      )
      for address in addresses {
        #expect(groups.count { $0.prefix.contains(address) } == 1)
      }
      for group in groups {
        let size = 1 << group.prefix.sizeExponent
        #expect(group.seenCount == addresses.count { group.prefix.contains($0) })
        #expect(group.isWidened == (group.seenCount < size))
        #expect(group.seenCount * 4 >= size)
        #expect(widening || !group.isWidened)
      }
    }
  }
}
