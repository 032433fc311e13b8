import FlowAggregation
import FlowModel

/// Reads the objects of pods in place; the keys of their labels are known after a few of them.
///
/// Through a JSON tree, and with every key judged anew, a new pod cost 25 microseconds: with 24,000 kinds of
/// pods that was a third of the time of half a gigabyte. What is not plainly a pod with Kubernetes labels is
/// left to ``HubbleEndpointReader``.
struct HubbleLabelKeys: Sendable {
  /// What becomes of a label.
  private enum Use: UInt8 {
    case stable, volatile, internalToCilium, namespace, cluster
  }

  private var keys = LabelKeyMemo(judge: HubbleLabelKeys.use(of:))

  /// What a pod's object says, and where its name stands.
  struct Pod {
    var reader = HubbleEndpointReader()
    var shape = HubbleEndMemo.Shape(isUsual: true)
  }

  /// What a pod's object says; nil when the ordinary reader must read it.
  ///
  /// - Parameter start: The object's brace; the object is known to be well-formed.
  mutating func pod(_ bytes: RawSpan, _ start: Int) -> Pod? {
    var pod = Pod()
    var seen = Seen()
    var position = start
    repeat {
      let key = bytes.token(position + 2)
      guard key.length >= 0 else { return nil }
      if key.is(.id), position > start { pod.shape.isUsual = false }
      position = member(key, bytes, position + key.length + 4, &pod, &seen)
      guard position >= 0 else { return nil }
    } while bytes.knownByte(at: position) == UInt8(ascii: ",")
    guard bytes.knownByte(at: position) == UInt8(ascii: "}"), pod.reader.hasPodLabels else {
      return nil
    }
    if !seen.namespace.isEmpty { pod.reader.namespace = seen.namespace }
    if !seen.cluster.isEmpty { pod.reader.cluster = seen.cluster }
    return pod
  }

  /// The members given so far; a key given twice is left to the ordinary reader.
  private struct Seen {
    var keys: UInt8 = 0
    var namespace = ""
    var cluster = ""

    mutating func insert(_ bit: UInt8) -> Bool {
      let isNew = keys & 1 << bit == 0
      keys |= 1 << bit
      return isNew
    }
  }

  /// Reads a member's value; gives the offset behind it, -1 for the ordinary reader.
  private mutating func member(
    _ key: JSONToken,
    _ bytes: RawSpan,
    _ value: Int,
    _ pod: inout Pod,
    _ seen: inout Seen
  ) -> Int {
    if key.is(.id) { return bytes.skipValue(value) }
    if key.is(.identity) {
      var number = 0
      guard seen.insert(0) else { return -1 }
      let end = bytes.scanNumber(value, &number)
      pod.reader.identity = Int64(number)
      return end
    }
    if key.is(.namespace) {
      return seen.insert(1) ? HubbleLabelKeys.text(bytes, value, &seen.namespace) : -1
    }
    if key.is(.clusterName) {
      return seen.insert(2) ? HubbleLabelKeys.text(bytes, value, &seen.cluster) : -1
    }
    if key.is(.podName) {
      guard seen.insert(3) else { return -1 }
      let end = HubbleLabelKeys.text(bytes, value, &pod.reader.podName)
      pod.shape.nameStart = value + 1
      pod.shape.nameCount = end - value - 2
      if pod.shape.nameCount == 0 { pod.shape.isUsual = false }
      return end
    }
    if key.is(.labels) { return seen.insert(4) ? labels(bytes, value, &pod.reader) : -1 }
    if key.is(.workloads) {
      return seen.insert(5) ? HubbleLabelKeys.workload(bytes, value, &pod.reader) : -1
    }
    return -1
  }

  /// Reads a plain string.
  private static func text(_ bytes: RawSpan, _ start: Int, _ text: inout String) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "\"") else { return -1 }
    let end = bytes.plainStringEnd(start + 1)
    guard end >= 0 else { return -1 }
    text = String(plain: bytes, from: start + 1, to: end)
    return end + 1
  }

  /// Reads `[{"name":"…","kind":"…"}]`.
  private static func workload(
    _ bytes: RawSpan,
    _ start: Int,
    _ reader: inout HubbleEndpointReader
  ) -> Int {
    var name = ""
    var kind = ""
    // `[{"name":`, then `,"kind":`
    guard bytes.knownWord(at: start) == 0x2265_6d61_6e22_7b5b,
      bytes.knownByte(at: start + 8) == UInt8(ascii: ":")
    else { return -1 }
    var position = text(bytes, start + 9, &name)
    guard position >= 0, bytes.knownWord(at: position) == 0x3a22_646e_696b_222c else { return -1 }
    position = text(bytes, position + 8, &kind)
    // `}]`
    guard position >= 0, bytes.knownWord(at: position) & 0xffff == 0x5d7d, !name.isEmpty else {
      return -1
    }
    reader.workload = WorkloadReference(kind: kind, name: name)
    return position + 2
  }

  /// Reads `["k8s:key=value",…]`.
  private mutating func labels(
    _ bytes: RawSpan,
    _ start: Int,
    _ reader: inout HubbleEndpointReader
  ) -> Int {
    guard bytes.knownByte(at: start) == UInt8(ascii: "[") else { return -1 }
    keys.begin()
    var number = 0
    var position = start
    repeat {
      // `"k8s:`
      guard bytes.knownWord(at: position + 1) & 0xff_ffff_ffff == 0x3a_7338_6b22 else { return -1 }
      let first = position + 6
      let end = bytes.plainStringEnd(first)
      guard end >= 0 else { return -1 }
      var keyEnd = end
      number = keys.key(bytes, first, end: &keyEnd, behind: number)
      let value = min(keyEnd + 1, end)
      switch keys[number].use {
      case .stable:
        keys.keep(number, String(plain: bytes, from: value, to: end))
        reader.hasPodLabels = true
      case .volatile: reader.hasPodLabels = true
      case .namespace: reader.namespace = String(plain: bytes, from: value, to: end)
      case .cluster: reader.cluster = String(plain: bytes, from: value, to: end)
      case .internalToCilium: break
      }
      position = end + 1
    } while bytes.knownByte(at: position) == UInt8(ascii: ",")
    // A key given twice is left to the ordinary reader.
    guard bytes.knownByte(at: position) == UInt8(ascii: "]"),
      let labels = keys.labels()
    else { return -1 }
    reader.labels = labels
    return position + 1
  }

  @Sendable
  private static func use(of key: String) -> Use {
    switch key {
    case "io.kubernetes.pod.namespace": .namespace
    case "io.cilium.k8s.policy.cluster": .cluster
    default:
      if key.utf8.starts(with: "io.cilium.".utf8) {
        .internalToCilium
      } else {
        VolatileLabels.isDenied(key) ? .volatile : .stable
      }
    }
  }
}
