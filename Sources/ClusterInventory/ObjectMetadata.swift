package import FlowModel

/// The controller named in an object's `ownerReferences` (the entry with `controller: true`).
package struct OwnerReference: Hashable, Sendable {
  /// The owner's kind.
  package var kind: String
  /// The owner's name; it lives in the object's own namespace or is cluster-scoped.
  package var name: String
  /// The owner's uid, empty when missing.
  package var uid: String

  /// Makes a reference.
  package init(kind: String, name: String, uid: String = "") {
    self.kind = kind
    self.name = name
    self.uid = uid
  }
}

/// The part of `metadata` that matters here.
package struct ObjectMetadata: Hashable, Sendable {
  /// The namespace, empty for cluster-scoped kinds.
  package var namespace: String
  /// The name.
  package var name: String
  /// The uid, empty when missing.
  package var uid: String
  /// `creationTimestamp`, microseconds UTC.
  package var created: Int64?
  /// All labels, the volatile ones included: owners are found by them.
  package var labels: Labels
  /// The controlling owner.
  package var owner: OwnerReference?

  /// Makes metadata.
  package init(
    namespace: String = "",
    name: String,
    uid: String = "",
    created: Int64? = nil,
    labels: Labels = [:],
    owner: OwnerReference? = nil
  ) {
    self.namespace = namespace
    self.name = name
    self.uid = uid
    self.created = created
    self.labels = labels
    self.owner = owner
  }
}

/// What makes two sightings the same object: a name that is used again gets a new uid.
package struct ObjectIdentity: Hashable, Sendable, Comparable {
  /// The kind, such as `Pod`.
  package var kind: String
  /// The namespace, empty for cluster-scoped kinds.
  package var namespace: String
  /// The name.
  package var name: String
  /// The uid; where it is missing, the creation time as text.
  package var uid: String

  /// By kind, namespace, name, uid.
  package static func < (left: ObjectIdentity, right: ObjectIdentity) -> Bool {
    if left.kind != right.kind { return left.kind < right.kind }
    if left.namespace != right.namespace { return left.namespace < right.namespace }
    return left.name != right.name ? left.name < right.name : left.uid < right.uid
  }
}
