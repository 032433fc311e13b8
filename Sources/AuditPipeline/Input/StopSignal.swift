import Foundation
import Synchronization

/// Set by SIGINT and SIGTERM so that streams commit what they have and end.
package enum StopSignal {
  private static let raised = Atomic<Bool>(false)

  /// Whether a signal came.
  package static var isRaised: Bool { raised.load(ordering: .relaxed) }

  /// Takes SIGINT and SIGTERM from now on; a second one ends the process at once.
  package static func install() {
    for signalNumber in [SIGINT, SIGTERM] {
      var action = sigaction()
      unsafe action.__sigaction_handler.sa_handler = { signalNumber in
        if StopSignal.raised.exchange(true, ordering: .relaxed) { _exit(128 + signalNumber) }
      }
      // Without SA_RESTART a blocking read returns, so the stream can end at once.
      unsafe sigaction(signalNumber, &action, nil)
    }
  }
}
