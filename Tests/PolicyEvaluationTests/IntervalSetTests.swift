import FlowModel
import PolicyEvaluation
import TestSupport
import Testing

@Suite struct IntervalSetTests {
  @Test("Set operations agree with plain sets", arguments: Seed.samples(200))
  func operations(_ sample: Seed) {
    var seed = sample
    func random() -> (IntervalSet<UInt8>, Set<UInt8>) {
      let ranges = (0..<Int.random(in: 0..<6, using: &seed)).map { _ in
        let bounds = [
          UInt8.random(in: 0...255, using: &seed), UInt8.random(in: 0...255, using: &seed),
        ].sorted()
        return bounds[0]...min(bounds[1], bounds[0] &+ 40 < bounds[0] ? 255 : bounds[0] + 40)
      }
      return (IntervalSet(ranges), Set(ranges.flatMap(Array.init)))
    }
    let (one, plainOne) = random()
    let (two, plainTwo) = random()
    func values(_ set: IntervalSet<UInt8>) -> Set<UInt8> { Set(set.ranges.flatMap(Array.init)) }
    #expect(values(one) == plainOne)
    #expect(values(one.union(two)) == plainOne.union(plainTwo))
    #expect(values(one.intersection(two)) == plainOne.intersection(plainTwo))
    #expect(values(one.subtracting(two)) == plainOne.subtracting(plainTwo))
    #expect(one.isSubset(of: two) == plainOne.isSubset(of: plainTwo))
    for value in UInt8.min...UInt8.max { #expect(one.contains(value) == plainOne.contains(value)) }
    for set in [one.union(two), one.intersection(two), one.subtracting(two)] {
      for (left, right) in zip(set.ranges, set.ranges.dropFirst()) {
        #expect(Int(left.upperBound) + 1 < Int(right.lowerBound))
      }
    }
  }

  @Test("Ports read as people write them")
  func spans() {
    func text(_ set: PortSet) -> [String] { set.spans.map(\.description) }
    #expect(text(.everyPort) == ["any"])
    #expect(text(.every(.tcp)) == ["TCP/*"])
    #expect(
      text(PortSet.ports(.tcp, 80, 80).union(.ports(.udp, 53, 60))) == ["TCP/80", "UDP/53-60"]
    )
    #expect(
      text(PortSet.everyPort.subtracting(.ports(.tcp, 80, 80)))
        == ["ICMP/*", "TCP/1-79", "TCP/81-65535", "UDP/*", "ICMPv6/*", "SCTP/*", "any"]
    )
    #expect(text(PortSet.ports(.tcp, 0, 0)) == [])
    #expect(text(PortSet.every(TransportProtocol(number: 47))) == ["47/*"])
  }
}
