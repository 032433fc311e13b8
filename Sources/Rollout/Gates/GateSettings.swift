import FlowModel

/// The thresholds of the gates; durations in microseconds.
package struct GateSettings: Hashable, Sendable {
  /// Full days that an audit must have captured.
  package var auditDays: Int
  /// Longer stretches without records of the log source are holes.
  package var holeThreshold: Int64
  /// The largest share of lost events.
  package var maximumLostShare: Double
  /// The smallest share of the estimated edges that must have been seen.
  package var minimumCoverage: Double
  /// How long a namespace is watched.
  package var watchDuration: Int64
  /// How long after one namespace entered watch the next may.
  package var watchSpacing: Int64

  /// Makes settings with the defaults of the rollout plan.
  package init(
    auditDays: Int = 7,
    holeThreshold: Int64 = 6 * Timestamps.hour,
    maximumLostShare: Double = 0.01,
    minimumCoverage: Double = 0.95,
    watchDuration: Int64 = 48 * Timestamps.hour,
    watchSpacing: Int64 = 24 * Timestamps.hour
  ) {
    self.auditDays = auditDays
    self.holeThreshold = holeThreshold
    self.maximumLostShare = maximumLostShare
    self.minimumCoverage = minimumCoverage
    self.watchDuration = watchDuration
    self.watchSpacing = watchSpacing
  }
}
