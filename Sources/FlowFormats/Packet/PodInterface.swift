/// The names of the interfaces that lead to pods.
enum PodInterface {
  /// Calico's own, and those of the cloud plugins that Calico enforces policy for.
  private static let prefixes = ["cali", "tap", "eni", "azv", "gke"]

  /// Whether an interface leads to a pod; `vxlan.calico` and `wireguard.cali` lead to other nodes.
  static func matches(_ name: String) -> Bool { prefixes.contains { name.hasPrefix($0) } }
}
