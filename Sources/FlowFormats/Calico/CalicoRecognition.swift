/// Tells Calico flow logs from other logs by the keys that only they have.
enum CalicoRecognition {
  /// Whether the start of an input holds Calico flows.
  static func matches(_ text: String) -> Bool {
    if text.contains("calico-felix["), FelixDenyLine.matches(text) { return true }
    if hasKey("source_name_aggr", in: text) || hasKey("dest_name_aggr", in: text) { return true }
    let hasSnake = hasKey("source_name", in: text) && hasKey("dest_name", in: text)
    let hasCamel = hasKey("sourceName", in: text) && hasKey("destName", in: text)
    if hasSnake || hasCamel {
      let others = [
        "Key", "source_namespace", "sourceNamespace", "source_labels", "sourceLabels", "policies",
      ]
      return hasKey("reporter", in: text) && others.contains { hasKey($0, in: text) }
    }
    let firstLine = text.split(separator: "\n", maxSplits: 1).first ?? ""
    return CalicoText.tree(ofLine: String(firstLine)) != nil
  }

  /// Whether a key stands there, in JSON or in JSON escaped inside a string.
  private static func hasKey(_ key: String, in text: String) -> Bool {
    // Most keys are not there at all.
    text.contains(key)
      && (text.contains("\"\(key)\":") || text.contains("\"\(key)\" :")
        || text.contains("\\\"\(key)\\\":"))
  }
}
