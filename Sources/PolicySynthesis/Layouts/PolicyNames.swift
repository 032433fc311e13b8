import FlowAggregation
import FlowModel

/// Names policy objects after the pods they are for, the same from week to week.
///
/// Every name is a DNS-1123 label. Where two classes of pods would get the same name, all of them say
/// more: the owner's kind, further labels, at last a digest of what selects them.
struct PolicyNames {
  /// The name of each class of the namespace, by number.
  private(set) var names: [Int: String] = [:]

  /// Names with a meaning of their own.
  private static let reserved: Set<String> = ["allow-dns", "default-deny"]
  private static let longest = 63

  /// Names classes.
  init(_ numbers: [Int], classes: PodClassTable, workloads: [Workload]) {
    var open = numbers
    var taken = PolicyNames.reserved
    for detail in 0...2 {
      let proposed = Dictionary(grouping: open) { number in
        PolicyNames.name(classes.classes[number], workloads: workloads, detail: detail)
      }
      open = []
      for (name, numbers) in proposed {
        if numbers.count == 1, !taken.contains(name), !name.hasPrefix("allow-dns-") {
          names[numbers[0]] = name
        } else {
          open += numbers
        }
      }
      taken.formUnion(names.values)
      taken.formUnion(proposed.keys)
    }
    // Only classes of equal content are left: number them.
    for number in open.sorted(by: { classes.precedes($0, $1) }) {
      let base = PolicyNames.name(classes.classes[number], workloads: workloads, detail: 2)
      var count = 2
      while taken.contains("\(base)-\(count)") { count += 1 }
      names[number] = "\(base)-\(count)"
      taken.insert("\(base)-\(count)")
    }
  }

  /// A name for an object over several classes.
  func joint(_ numbers: [Int], isEveryone: Bool) -> String {
    let parts = numbers.compactMap { names[$0] }.sorted()
    if parts.count == 1, let only = parts.first { return only }
    if isEveryone { return "all-pods" }
    let joined = parts.joined(separator: "-and-")
    if parts.count <= 3, joined.utf8.count <= PolicyNames.longest { return joined }
    let digest = PolicyNames.digest(parts.joined(separator: ","))
    return PolicyNames.fitted("\(parts.first ?? "group")-and-\(parts.count - 1)-more", digest)
  }

  private static func name(_ podClass: PodClass, workloads: [Workload], detail: Int) -> String {
    let members = podClass.members.filter { workloads.indices.contains($0) }.map { workloads[$0] }
    guard let first = members.first else { return "pods" }
    var text = WorkloadNames.shortName(first)
    if detail > 0 {
      if let owner = first.owner {
        text += "-\(owner.kind)"
      } else {
        let labels = first.commonLabels
        for key in LabelPreference.conventionalKeys {
          if let value = labels[key], !value.isEmpty, value != text { text += "-\(value)" }
        }
      }
    }
    let digest = PolicyNames.digest(podClass.order.joined(separator: "\n"))
    let plain = sanitized(text)
    return detail > 1 || plain.isEmpty || plain.utf8.count > longest
      ? fitted(plain.isEmpty ? "pods" : plain, digest) : plain
  }

  private static func fitted(_ text: String, _ digest: String) -> String {
    var head = String(text.prefix(longest - digest.utf8.count - 1))
    while head.hasSuffix("-") { head.removeLast() }
    return "\(head)-\(digest)"
  }

  /// Lower-case letters, digits and single hyphens, none of these at the ends.
  static func sanitized(_ text: String) -> String {
    var result = ""
    for scalar in text.lowercased().unicodeScalars {
      switch scalar {
      case "a"..."z", "0"..."9": result.unicodeScalars.append(scalar)
      default: if !result.isEmpty, !result.hasSuffix("-") { result += "-" }
      }
    }
    while result.hasSuffix("-") { result.removeLast() }
    return result
  }

  /// Eight hexadecimal digits of a text's FNV-1a hash.
  static func digest(_ text: String) -> String {
    var hash: UInt32 = 2_166_136_261
    for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
