/// The page for the person on duty that lies beside the scripts.
enum StepReadme {
  /// The page of a namespace's step; all names in it were checked.
  static func namespace(_ step: NamespaceStep, scripts: StepScripts) -> String {
    let name = step.namespace
    let order = scripts.manifests.map(\.file).joined(separator: ", ")
    return """
      # Policies of namespace \(name)

      Apply, check, and take back:

      ```
      ./apply.sh --context NAME
      ./verify.sh --context NAME
      ./rollback.sh --context NAME
      ```

      `--context` is required: kubectl's current context is never used. Every script stops at the first
      error, says where things stand and how to go on, and may be run again.

      ## What happens

      1. `apply.sh` checks that no object of these names belongs to somebody else (label
         `\(ManagedBy.label): \(ManagedBy.value)`), tries all files on the server, and saves the live
         policies in `backup/`. A second run keeps the first backup.
      2. It applies `\(AllowAll.file)`, then \(order), and verifies them.
      3. It takes the allow-all away last. Only then anything is denied: it is one switch.

      `rollback.sh` goes the other way: allow-all first, then it restores what was saved and deletes
      what was written, then the allow-all goes. Keep `backup/` with this folder; without it,
      `rollback.sh --context NAME --without-backup` deletes the objects below.

      ## During the watch (48 h)

      - Connections that were open before may survive enforcement for as long as they last: restart
        the workloads of the namespace early in the watch, not after it.
      - Feed new logs to `flowlearn ingest`; `flowlearn rollout status` shows each new denial, and
        `flowlearn watch -n \(name)` follows them.
      - A denial that turns out to be needed: accept it (`flowlearn review -n \(name)`), write these
        files again (`flowlearn rollout write -n \(name)`), and run `apply.sh` once more.
      - GitOps tools may revert or prune what was applied: put these files into the repository they
        read, or exempt objects with the label above.
      - While the allow-all is there, rules that isolate pods of the namespace today do not. Explicit
        denies stay in force.
      - Pods with `hostNetwork: true` are not selected by policy.
      \(pluginRemarks(step))
      ## Last resort

      If the scripts cannot be used, this opens the namespace again, the default-deny first:

      ```
      \(lastResort(scripts))
      ```

      Afterwards: `flowlearn rollout rollback -n \(name) --reason TEXT`.

      """
  }

  /// The page of the cluster-wide step.
  static func clusterWide(_ scripts: StepScripts, remarks: [String]) -> String {
    """
    # Cluster-wide policies

    ```
    ./apply.sh --context NAME
    ./verify.sh --context NAME
    ./rollback.sh --context NAME
    ```

    `--context` is required. Every script stops at the first error, says where things stand and how to
    go on, and may be run again. Objects without the label `\(ManagedBy.label): \(ManagedBy.value)`
    are never overwritten; what was live is saved in `backup/` first.

    \(remarks.map { "- \($0)\n" }.joined())
    ## Last resort

    ```
    \(lastResort(scripts))
    ```

    """
  }

  private static func lastResort(_ scripts: StepScripts) -> String {
    scripts.manifests.reversed().flatMap(\.objects).map { object in
      let scope = object.namespace.map { " -n \($0)" } ?? ""
      return
        "kubectl --context NAME delete \(object.resource ?? object.kind) \(object.name)\(scope)"
    }.joined(separator: "\n")
  }

  private static let auditOff = """

    ## Switching audit mode off

    This namespace was audited by the whole agent. `apply.sh` puts the rules in place under audit, and
    refuses while other namespaces still have an audited default-deny. Then:

    ```
    helm upgrade cilium cilium/cilium -n kube-system --reuse-values --set policyAuditMode=false
    kubectl -n kube-system rollout restart ds/cilium
    kubectl -n kube-system rollout status ds/cilium
    ./verify.sh --context NAME
    ```

    That is the switch: from then on all policies of the cluster enforce.

    """

  private static func pluginRemarks(_ step: NamespaceStep) -> String {
    switch step.plugin {
    case .cilium:
      """
      - Cilium: policy audit mode belongs to the whole agent. As long as it is on, nothing is enforced;
        once it is off, every stored policy is, in all namespaces. `verify.sh` fails while it is on.

      """ + (step.logOnly == .ciliumAgentAudit ? auditOff : "")
    case .calico:
      """
      - Calico: the allow-all is a Calico NetworkPolicy and needs the projectcalico.org/v3 API in the
        cluster.

      """
    case .aws:
      """
      - AWS VPC CNI: enforcement needs the network policy agent; VPC flow logs do not show what it
        denies, its own log does.

      """
    case .gke, .other: ""
    }
  }
}
