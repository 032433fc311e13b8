import FlowModel
import Foundation

/// Where text goes: results to stdout, everything else to stderr, control characters to neither.
enum Terminal {
  /// Writes a result line.
  static func print(_ line: String) { write(line + "\n") }

  /// Writes result text as it is.
  static func write(_ text: String) {
    // A reader that closed the pipe (`| head`) is no error.
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes {
        Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count)
      }
      guard count > 0 else {
        let problem = errno
        if problem == EINTR { continue }
        if problem == EPIPE { exit(0) }
        report(
          CommandFailure(
            "the result could not be written: \(String(cString: strerror(problem)))",
            hint: "What stdout leads to holds a part of it at most."
          )
        )
        exit(2)
      }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Writes a remark as one line: a line break in a name must not make a remark of its own.
  static func note(_ line: String) { writeError(oneLine(line).clipped(to: 2000) + "\n") }

  /// Writes an error and what to do next.
  static func report(_ failure: CommandFailure) {
    note("Error: \(failure.message).")
    if let hint = failure.hint { note("Hint:  \(hint)") }
  }

  /// Writes text to stderr as it is; when nobody reads it, that is no reason to stop.
  static func writeError(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes {
        Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Whether stderr is a terminal on which a line can be redrawn.
  static var showsProgress: Bool {
    isatty(STDERR_FILENO) != 0 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// The columns of the terminal that stdout is; nil for files and pipes.
  static var width: Int? { width(of: STDOUT_FILENO) }

  /// The columns of the terminal that stderr is; nil for files and pipes.
  static var errorWidth: Int? { width(of: STDERR_FILENO) }

  private static func width(of descriptor: Int32) -> Int? {
    var size = winsize()
    guard isatty(descriptor) != 0, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0,
      size.ws_col > 0
    else { return nil }
    return Int(size.ws_col)
  }

  /// Writes a table, fitted to the terminal.
  static func write(_ table: Table) { write(table.text(width: width)) }

  /// Makes control characters visible, line breaks included, so that a name stays in its line.
  static func oneLine(_ text: String) -> String {
    escaped(text).replacing("\n", with: "\\u{a}")
  }

  /// Makes control characters but line breaks visible, so that a name from a log cannot steer the
  /// terminal.
  static func escaped(_ text: String) -> String {
    guard
      text.unicodeScalars.contains(where: {
        ($0.value < 0x20 && $0 != "\n") || 0x7f...0x9f ~= $0.value || steersText($0)
      })
    else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if (scalar.value < 0x20 && scalar != "\n") || 0x7f...0x9f ~= scalar.value
        || steersText(scalar)
      {
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Whether it turns the direction of text, or breaks a line where terminals or editors see one.
  private static func steersText(_ scalar: Unicode.Scalar) -> Bool {
    0x2028...0x202e ~= scalar.value || 0x2066...0x2069 ~= scalar.value
      || scalar.value == 0x200e || scalar.value == 0x200f
  }
}

/// Colour for status words; never the only sign.
struct Palette {
  private let isOn: Bool

  /// Decides by the option, `NO_COLOR`, `TERM` and whether stdout is a terminal.
  init(_ mode: ColorMode) {
    let environment = ProcessInfo.processInfo.environment
    switch mode {
    case .always: isOn = true
    case .never: isOn = false
    case .auto:
      isOn =
        isatty(STDOUT_FILENO) != 0 && (environment["NO_COLOR"] ?? "").isEmpty
        && environment["TERM"] != "dumb"
    }
  }

  /// A class or decision in its colour; other words as they are.
  func status(_ word: String) -> String {
    switch word {
    case "allow", "allowed", "accept": paint(word, "32")
    case "deny", "denied", "explicit-deny", "reject": paint(word, "31")
    case "would-deny", "needed": paint(word, "33")
    case "attempt": paint(word, "2")
    default: word
    }
  }

  private func paint(_ text: String, _ code: String) -> String {
    isOn ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }
}
