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
      let count = bytes.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      guard count > 0 else {
        if errno == EINTR { continue }
        exit(errno == EPIPE ? 0 : 2)
      }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Writes a remark.
  static func note(_ line: String) {
    FileHandle.standardError.write(Data((escaped(line) + "\n").utf8))
  }

  /// Whether stderr is a terminal on which a line can be redrawn.
  static var showsProgress: Bool {
    isatty(STDERR_FILENO) != 0 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// Makes control characters visible, so that a name from a log cannot steer the terminal.
  static func escaped(_ text: String) -> String {
    guard
      text.unicodeScalars.contains(where: {
        ($0.value < 0x20 && $0 != "\n") || 0x7f...0x9f ~= $0.value || isBidi($0)
      })
    else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if (scalar.value < 0x20 && scalar != "\n") || 0x7f...0x9f ~= scalar.value || isBidi(scalar) {
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func isBidi(_ scalar: Unicode.Scalar) -> Bool {
    0x202a...0x202e ~= scalar.value || 0x2066...0x2069 ~= scalar.value
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

  func good(_ text: String) -> String { paint(text, "32") }
  func bad(_ text: String) -> String { paint(text, "31") }
  func warn(_ text: String) -> String { paint(text, "33") }
  func dim(_ text: String) -> String { paint(text, "2") }

  private func paint(_ text: String, _ code: String) -> String {
    isOn ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }
}
