/// A place in a manifest file.
package struct ManifestPlace: Hashable, Sendable {
  /// The file's name as given by the caller.
  package var file: String
  /// The document in the file, from 1; 0 when the file as a whole is meant.
  package var document: Int
  /// The line in the file, from 1, where known.
  package var line: Int?
  /// The field, such as `spec.ingress[0].from[1].ipBlock.cidr`; empty for the document itself.
  package var path: String

  /// Makes a place.
  package init(file: String, document: Int, line: Int? = nil, path: String = "") {
    self.file = file
    self.document = document
    self.line = line
    self.path = path
  }
}

extension ManifestPlace {
  /// The place as it is in a file in which other documents come first.
  func moved(documents: Int, lines: Int) -> ManifestPlace {
    var place = self
    if document > 0 { place.document += documents }
    place.line = line.map { $0 + lines }
    return place
  }
}

extension ManifestPlace: CustomStringConvertible {
  /// `file:line: document 2: spec.ingress[0]`, without the parts that are not known.
  package var description: String {
    var text = file.printable
    if let line { text += ":\(line)" }
    if document > 0 { text += ": document \(document)" }
    if !path.isEmpty { text += ": \(path.printable)" }
    return text
  }
}

/// Why a manifest could not be read or written.
package enum ManifestError: Error, Hashable, Sendable {
  /// Not YAML, or YAML that is refused as unsafe.
  case malformed(ManifestPlace, problem: String)
  /// An object of a kind that is no policy.
  case otherKind(ManifestPlace, apiVersion: String, kind: String)
  /// A field that the API server would refuse.
  case invalid(ManifestPlace, problem: String)
  /// A valid field whose meaning cannot be represented.
  case unsupported(ManifestPlace, problem: String)
  /// A policy that its dialect cannot express: its name, and the rule's index where one is to blame.
  case inexpressible(policy: String, rule: Int?, problem: String)

  /// Where, for errors of reading.
  package var place: ManifestPlace? {
    switch self {
    case .malformed(let place, _), .otherKind(let place, _, _), .invalid(let place, _),
      .unsupported(let place, _):
      place
    case .inexpressible: nil
    }
  }
}

extension ManifestError {
  /// The same error with its place changed.
  func placed(_ change: (ManifestPlace) -> ManifestPlace) -> ManifestError {
    switch self {
    case .malformed(let place, let problem): .malformed(change(place), problem: problem)
    case .invalid(let place, let problem): .invalid(change(place), problem: problem)
    case .unsupported(let place, let problem): .unsupported(change(place), problem: problem)
    case .otherKind(let place, let apiVersion, let kind):
      .otherKind(change(place), apiVersion: apiVersion, kind: kind)
    case .inexpressible: self
    }
  }
}

extension ManifestError: CustomStringConvertible {
  /// One sentence; control characters of the input are escaped.
  package var description: String {
    switch self {
    case .malformed(let place, let problem): return "\(place): not readable YAML: \(problem)"
    case .invalid(let place, let problem): return "\(place): \(problem)"
    case .unsupported(let place, let problem): return "\(place): unsupported: \(problem)"
    case .otherKind(let place, let apiVersion, let kind):
      return "\(place): \(apiVersion.quoted) kind \(kind.quoted) is not a policy"
    case .inexpressible(let policy, let rule, let problem):
      let part = rule.map { " rule \($0 + 1)" } ?? ""
      return "policy \(policy.quoted)\(part): \(problem)"
    }
  }
}

/// Something that is valid but hardly meant.
package struct ManifestWarning: Hashable, Sendable, CustomStringConvertible {
  /// Where.
  package var place: ManifestPlace
  /// What.
  package var problem: String

  /// Makes a warning.
  package init(place: ManifestPlace, problem: String) {
    self.place = place
    self.problem = problem
  }

  /// One sentence.
  package var description: String { "\(place): \(problem)" }
}

extension String {
  /// The text with everything that could move a terminal's cursor or hide text written as `\u{..}`.
  var printable: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
        .unassigned:
        result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// The text in double quotes, made printable and cut to 80 characters.
  var quoted: String {
    let text = printable
    return text.count > 80 ? "\"\(text.prefix(80))...\"" : "\"\(text)\""
  }
}
