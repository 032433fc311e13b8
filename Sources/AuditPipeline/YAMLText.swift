package import JSONText
import Yams

/// YAML as JSON trees, for inventories and decision files; policies have their own strict reader.
package enum YAMLText {
  /// The most nodes one text may expand to; stops alias bombs.
  private static let mostNodes = 5_000_000

  /// Why a YAML text cannot be used.
  package enum Failure: Error, Hashable, Sendable {
    /// It is no YAML; Yams' words, the line from 1 where known.
    case malformed(message: String, line: Int?)
    /// Aliases expand to too much.
    case tooLarge
  }

  /// The documents of a text, in order.
  ///
  /// - Throws: ``Failure``.
  package static func documents(_ text: String) throws -> [JSONValue] {
    do {
      var budget = mostNodes
      return try Yams.compose_all(yaml: text).map { try value($0, budget: &budget) }
    } catch let error as YamlError {
      throw Failure.malformed(message: "\(error)", line: nil)
    }
  }

  private static func value(_ node: Node, budget: inout Int) throws -> JSONValue {
    budget -= 1
    guard budget > 0 else { throw Failure.tooLarge }
    switch node {
    case .scalar(let scalar):
      if scalar.style != .plain { return .string(scalar.string) }
      if node.null != nil { return .null }
      if let flag = node.bool { return .bool(flag) }
      if let number = node.int { return .number(String(number)) }
      if node.tag.description == Tag.Name.float.rawValue { return .number(scalar.string) }
      return .string(scalar.string)
    case .sequence(let sequence):
      return .array(try sequence.map { try value($0, budget: &budget) })
    case .mapping(let mapping):
      var members: [(key: String, value: JSONValue)] = []
      for (key, member) in mapping {
        members.append((key.string ?? "", try value(member, budget: &budget)))
      }
      return .object(JSONObject(members))
    case .alias:
      throw Failure.malformed(message: "an alias without its anchor", line: nil)
    }
  }
}
