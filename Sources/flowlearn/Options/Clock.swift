import FlowModel
import Foundation

/// The wall clock; read here and nowhere else.
enum Clock {
  /// Microseconds since 1970 UTC.
  static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * Timestamps.second + Int64(time.tv_nsec) / 1000
  }
}

/// Who runs the program, for the record.
enum Actor {
  /// `$FLOWLEARN_ACTOR`, else the login name.
  static var name: String {
    let environment = ProcessInfo.processInfo.environment
    for key in ["FLOWLEARN_ACTOR", "SUDO_USER", "USER", "LOGNAME"] {
      if let value = environment[key], !value.isEmpty { return value }
    }
    return NSUserName()
  }
}
