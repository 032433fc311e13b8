/// Which label keys to prefer in selectors (inventory document, section 6).
enum LabelPreference {
  /// Keys that name an application by convention, the best first.
  static let conventionalKeys = [
    "app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/instance",
    "app.kubernetes.io/part-of", "app", "k8s-app", "name", "component", "run", "service", "tier",
    "role",
  ]

  /// Where a key stands; smaller is better.
  struct Rank: Hashable, Comparable {
    /// 0: the owner's own selector; 1: conventional; 2: any other.
    var tier: Int
    /// The position among the conventional keys; the same for all others.
    var position: Int
    /// The key.
    var key: String

    static func < (left: Rank, right: Rank) -> Bool {
      (left.tier, left.position, left.key) < (right.tier, right.position, right.key)
    }
  }

  /// The rank of a key.
  static func rank(of key: String, isOwners: Bool) -> Rank {
    let position = conventionalKeys.firstIndex(of: key)
    return Rank(
      tier: isOwners ? 0 : position == nil ? 2 : 1,
      position: position ?? conventionalKeys.count,
      key: key
    )
  }
}
