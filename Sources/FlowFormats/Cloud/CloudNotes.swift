/// Remarks about what a cloud log cannot know.
enum CloudNotes {
  /// Logs of addresses need an inventory.
  static let needsInventory =
    "This log holds addresses only: without `flowlearn inventory add` no pod can be told from them."
  /// What never reaches an interface.
  static let sameNode =
    "VPC flow logs do not show traffic between pods of one node, nor node services such as DNS caches: "
    + "their silence proves nothing."
  /// The layout without packet addresses.
  static let needsPacketAddresses =
    "This layout has no pkt-srcaddr and pkt-dstaddr, so pods hide behind the address of their node, but "
    + "where both nodes' records show a connection; "
    + "use this format: ${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} "
    + "${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status} ${vpc-id} "
    + "${subnet-id} ${instance-id} ${tcp-flags} ${type} ${pkt-srcaddr} ${pkt-dstaddr} "
    + "${flow-direction} ${traffic-path}"
  /// A layout without action.
  static let noVerdict =
    "Records without an action say nothing of what was let through; they are not used."
  /// Sampled logs.
  static let sampled =
    "GCP samples its VPC flow logs: small flows are missing, and a missing reply proves nothing."
  /// The first version of NSG flow logs.
  static let withoutCounters =
    "NSG flow logs of version 1 have no counters: what they allow counts as an attempt only."
  /// Two logs in one file.
  static let otherLog =
    "This file holds entries of another flow log too: ingest it once more with"
}
