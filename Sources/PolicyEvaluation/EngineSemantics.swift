package import PolicyModel

/// What the specifications leave open and the network plugins decide differently.
package enum EngineSemantics: String, Sendable, CaseIterable {
  /// The NetworkPolicy specification by itself: an ipBlock never matches a pod (nodes by address),
  /// and a pod and its own node always reach each other.
  case reference
  /// Cilium: prefixes never match pods, nodes or entities inside the cluster; the local host always
  /// reaches its pods unless a deny matches; a pod reaches its host only by rule.
  case cilium
  /// Calico: prefixes match anything by address, pods too; the local host always reaches its pods;
  /// NetworkPolicy is evaluated in the tier `default` at order 1000.
  case calico

  /// The engine a set of policies is written for: that of its own kinds, else the specification.
  package static func suggested(for policies: PolicySet) -> EngineSemantics {
    let dialects = Set(policies.policies.map(\.kind.dialect))
    if dialects.contains(.cilium) { return .cilium }
    return dialects.contains(.calico) ? .calico : .reference
  }
}
