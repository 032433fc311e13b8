/// A JSON value as a tree, for records that no fast path understands.
package enum JSONValue: Hashable, Sendable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number, as written.
  case number(String)
  /// A string, unescaped.
  case string(String)
  /// An array.
  case array([JSONValue])
  /// An object.
  case object(JSONObject)

  /// The member of an object; nil when this is no object or the key is missing.
  package subscript(key: String) -> JSONValue? {
    guard case .object(let object) = self else { return nil }
    return object[key]
  }

  /// The first of several spellings of a key that is present and not null.
  package func first(_ keys: String...) -> JSONValue? { first(keys) }

  /// The first of several spellings of a key that is present and not null.
  package func first(_ keys: [String]) -> JSONValue? {
    guard case .object(let object) = self else { return nil }
    for key in keys {
      if let value = object[key], value != .null { return value }
    }
    return nil
  }

  /// The string, nil for other types.
  package var string: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }

  /// A number, or a string that holds one, as an integer; a fraction of zero is accepted.
  package var integer: Int64? {
    switch self {
    case .number(let text), .string(let text):
      if let value = Int64(text) { return value }
      guard let value = Double(text), value.rounded() == value, abs(value) < 9e15 else {
        return nil
      }
      return Int64(value)
    default: return nil
    }
  }

  /// The boolean, nil for other types.
  package var bool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  /// The elements of an array, nil for other types.
  package var array: [JSONValue]? {
    guard case .array(let value) = self else { return nil }
    return value
  }

  /// The object, nil for other types.
  package var object: JSONObject? {
    guard case .object(let value) = self else { return nil }
    return value
  }
}

/// The members of a JSON object in the order written; of a key given twice the last value counts.
package struct JSONObject: Hashable, Sendable {
  /// The members in the order written, duplicates included.
  package var members: [(key: String, value: JSONValue)]

  /// Makes an object.
  package init(_ members: [(key: String, value: JSONValue)] = []) { self.members = members }

  /// The value of a key, nil when it is missing.
  package subscript(key: String) -> JSONValue? {
    members.last { $0.key == key }?.value
  }

  /// Equal when the members are, in order.
  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.members.elementsEqual(right.members) { $0 == $1 }
  }

  /// Hashes keys and values in order.
  package func hash(into hasher: inout Hasher) {
    for member in members {
      hasher.combine(member.key)
      hasher.combine(member.value)
    }
  }
}
