import PolicyManifests
import PolicyModel
import Testing

/// Builds and reads small manifests.
enum Manifest {
  /// The contents of a text.
  static func read(_ text: String, ignoringOtherKinds: Bool = false) throws -> ManifestContents {
    try ManifestReader(ignoringOtherKinds: ignoringOtherKinds)
      .policies(fromYAML: text, file: "test.yaml")
  }

  /// The only policy of a text.
  static func policy(_ text: String) throws -> Policy {
    let policies = try read(text).policySet.policies
    try #require(policies.count == 1)
    return policies[0]
  }

  /// The error a text is refused with.
  static func refusal(_ text: String) -> String {
    do {
      let contents = try read(text)
      return "accepted: \(contents.policySet)"
    } catch { return "\(error)" }
  }

  /// A NetworkPolicy with a spec of lines indented by two.
  static func network(_ spec: String) -> String {
    object("networking.k8s.io/v1", "NetworkPolicy", spec)
  }

  /// A CiliumNetworkPolicy that selects every endpoint.
  static func cilium(_ spec: String) -> String {
    object("cilium.io/v2", "CiliumNetworkPolicy", "  endpointSelector: {}\n" + spec)
  }

  /// A Calico NetworkPolicy.
  static func calico(_ spec: String, kind: String = "NetworkPolicy") -> String {
    object("projectcalico.org/v3", kind, spec)
  }

  private static func object(_ version: String, _ kind: String, _ spec: String) -> String {
    let isGlobal = kind.contains("Global") || kind.contains("Clusterwide")
    let namespace = isGlobal ? "" : "\n  namespace: shop"
    return """
      apiVersion: \(version)
      kind: \(kind)
      metadata:
        name: test\(namespace)
      spec:
      \(spec)
      """
  }
}
