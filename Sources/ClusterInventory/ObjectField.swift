import FlowModel
import JSONText

/// A value inside a Kubernetes object, with its path for error messages.
struct ObjectField {
  /// Where a value is in its object; written as text only when it is needed, which takes longer than to read the value.
  indirect enum Path {
    /// The object itself.
    case object
    /// A member of what is there.
    case member(Path, String)
    /// An element of the array that is there.
    case element(Path, Int)

    /// Such as `spec.containers[0].ports`; empty for the object itself.
    var text: String {
      switch self {
      case .object: ""
      case .member(.object, let key): key
      case .member(let path, let key): "\(path.text).\(key)"
      case .element(let path, let index): "\(path.text)[\(index)]"
      }
    }
  }

  let value: JSONValue
  let path: Path
  let file: String
  let item: Int

  var malformed: InventoryError { .malformed(file: file, item: item, path: path.text) }

  func missing(_ key: String) -> InventoryError {
    .missing(file: file, item: item, path: Path.member(path, key).text)
  }

  /// A member's value; nil when it is missing or null.
  private func member(_ key: String) throws(InventoryError) -> JSONValue? {
    guard case .object(let object) = value else { throw malformed }
    guard let member = object[key], member != .null else { return nil }
    return member
  }

  private func malformed(_ key: String) -> InventoryError {
    .malformed(file: file, item: item, path: Path.member(path, key).text)
  }

  /// A member; nil when it is missing or null.
  func child(_ key: String) throws(InventoryError) -> ObjectField? {
    guard let member = try member(key) else { return nil }
    return ObjectField(value: member, path: .member(path, key), file: file, item: item)
  }

  /// The member at the end of a path of members; nil when any of them is missing.
  func descendant(_ keys: String...) throws(InventoryError) -> ObjectField? {
    var field = self
    for key in keys {
      guard let next = try field.child(key) else { return nil }
      field = next
    }
    return field
  }

  /// The elements of an array member; none when it is missing or null.
  func elements(_ key: String) throws(InventoryError) -> [ObjectField] {
    guard let field = try child(key) else { return [] }
    guard case .array(let array) = field.value else { throw field.malformed }
    return array.enumerated().map { index, element in
      ObjectField(value: element, path: .element(field.path, index), file: file, item: item)
    }
  }

  func text(_ key: String) throws(InventoryError) -> String? {
    guard let member = try member(key) else { return nil }
    guard let text = member.string else { throw malformed(key) }
    return text
  }

  func flag(_ key: String) throws(InventoryError) -> Bool {
    guard let member = try member(key) else { return false }
    guard let flag = member.bool else { throw malformed(key) }
    return flag
  }

  /// A port number; 0 when the member is missing.
  func port(_ key: String) throws(InventoryError) -> UInt16 {
    guard let member = try member(key) else { return 0 }
    guard let number = member.integer, let port = UInt16(exactly: number) else {
      throw malformed(key)
    }
    return port
  }

  /// A time; nil when the member is missing or the zero time that Kubernetes writes for "none".
  func time(_ key: String) throws(InventoryError) -> Int64? {
    guard let member = try member(key) else { return nil }
    guard let text = member.string, let time = Timestamps.parse(text) else {
      throw malformed(key)
    }
    return time > 0 ? time : nil
  }

  func transport(_ key: String) throws(InventoryError) -> TransportProtocol {
    guard let member = try member(key) else { return .tcp }
    guard let text = member.string, let transport = TransportProtocol(text) else {
      throw malformed(key)
    }
    return transport
  }

  /// Labels or another map of strings; numbers and booleans that lost their quotes count as text.
  func labels(_ key: String) throws(InventoryError) -> Labels {
    guard let field = try child(key) else { return [:] }
    guard case .object(let object) = field.value else { throw field.malformed }
    var pairs: [(String, String)] = []
    for (name, value) in object.members {
      switch value {
      case .string(let text), .number(let text): pairs.append((name, text))
      case .bool(let flag): pairs.append((name, flag ? "true" : "false"))
      case .null: pairs.append((name, ""))
      case .array, .object:
        throw .malformed(file: file, item: item, path: "\(field.path.text)[\(name)]")
      }
    }
    return Labels(pairs)
  }
}
