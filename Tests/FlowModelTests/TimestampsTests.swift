import FlowModel
import Foundation
import TestSupport
import Testing

@Suite("Times")
struct TimestampsTests {
  @Test(
    "RFC 3339 in all its forms, to the microsecond",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.000001Z", 1),
      ("2026-09-15T16:20:01.123456789Z", 1_789_489_201_123_456),
      ("2026-09-15T16:20:01.1Z", 1_789_489_201_100_000),
      ("2026-09-15T18:20:01+02:00", 1_789_489_201_000_000),
      ("2026-09-15 14:20:01-0200", 1_789_489_201_000_000),
      ("2026-09-15", 1_789_430_400_000_000), ("1969-12-31T23:59:59Z", -1_000_000),
      ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
      ("2026-09-15t16:20:01z", 1_789_489_201_000_000),
      ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
    ]
  )
  func reading(text: String, time: Int64) { #expect(Timestamps.parse(text) == time) }

  @Test(
    "What is no time is none",
    arguments: [
      "", "now", "2026", "2026-13-01", "2026-00-01", "2026-02-29", "2026-02-30T00:00:00Z",
      "2026-09-15T24:00:00Z", "2026-09-15T16:60:01Z", "2026-09-15T16:20:61Z",
      "2026-09-15T16:20:01", "2026-09-15T16:20:01.Z", "2026-09-15T16:20:01Zjunk",
      "2026-09-15T16:20:01+2", "2026-09-15T16:20:01+24:00", "-026-09-15T16:20:01Z",
      "1900-02-29", "2026-09-15T1a:20:01Z",
    ]
  )
  func refusals(text: String) { #expect(Timestamps.parse(text) == nil) }

  @Test(
    "Writing and reading agree with each other and with Foundation",
    arguments: Seed.samples(200)
  )
  func roundTrip(seed: Seed) {
    var seed = seed
    let time = Int64.random(in: -60_000_000_000_000_000...250_000_000_000_000_000, using: &seed)
    #expect(Timestamps.parse(Timestamps.text(time, fraction: true)) == time)
    let second = Timestamps.floor(time, to: Timestamps.second)
    #expect(second <= time && time - second < Timestamps.second)
    let formatter = ISO8601DateFormatter()
    let date = Date(timeIntervalSince1970: Double(second / Timestamps.second))
    // Foundation goes over to the Julian calendar before 1582.
    guard second > -12_000_000_000_000_000 else { return }
    #expect(Timestamps.text(time) == formatter.string(from: date))
  }

  @Test("Rounding goes down, also before 1970")
  func floor() {
    #expect(Timestamps.floor(-1, to: Timestamps.hour) == -Timestamps.hour)
    #expect(Timestamps.floor(0, to: Timestamps.hour) == 0)
    #expect(Timestamps.floor(Timestamps.hour - 1, to: Timestamps.hour) == 0)
    #expect(Timestamps.floor(-Timestamps.hour, to: Timestamps.hour) == -Timestamps.hour)
  }
}
