/// The pages of the log-only ways.
enum LogOnlyText {
  /// Nothing is switched on.
  static func observe(_ plugin: RolloutPlugin) -> String {
    """
    The way is *observe*: no policy is applied and nothing is switched on. What passes is learned, for
    seven full days.

    \(source(plugin))
    Feed the log to `flowlearn ingest` at least every few hours: a hole in the log closes the gate.

    """
  }

  private static func source(_ plugin: RolloutPlugin) -> String {
    switch plugin {
    case .cilium:
      """
      - Source: `hubble observe --follow -o json`, or the exporter of the agents
        (`hubble.export.static.enabled=true`). Trace events are enough.
      - Do not put single endpoints into audit mode with a default-deny under them: that mode is lost
        when the agent restarts, and the default-deny then enforces.

      """
    case .calico:
      """
      - Source: flow logs (Goldmane or Whisker in open source from 3.30, flow log files in Enterprise).

      """
    case .aws:
      """
      - Source: VPC flow logs with the pod's addresses (`pkt-srcaddr`, `pkt-dstaddr`), with
        `flowlearn inventory add` so that addresses can be told apart.
      - The watch later needs the log of the network policy agent: VPC flow logs do not show what it
        denies. Switch it on now (`enable-policy-event-logs`).

      """
    case .gke:
      """
      - Source: VPC flow logs, or Dataplane V2 observability (Hubble).
      - The watch later needs network policy logging (`policy-action` logs): switch it on now, with
        denied connections logged and without aggregation.

      """
    case .other:
      """
      - Source: any of the formats that `flowlearn ingest` reads.
      - The watch later needs a log that shows what policy drops.

      """
    }
  }

  /// Cilium with the whole agent in audit mode.
  static let ciliumAgentAudit = """
    The way is *agent-wide audit*: the Cilium agents log what policy would deny, and enforce nothing.

    1. Look at every live policy of the cluster first: while audit mode is on, none of them enforces.
    2. Switch it on for the whole agent and restart the agents:

       ```
       helm upgrade cilium cilium/cilium -n kube-system --reuse-values --set policyAuditMode=true
       kubectl -n kube-system rollout restart ds/cilium
       kubectl -n kube-system rollout status ds/cilium
       ```

    3. `./apply.sh --context NAME` puts an audited default-deny into the namespace. It refuses as long
       as any agent is not in audit mode.
    4. Would-be denials show as verdict AUDIT in Hubble. Feed the log to `flowlearn ingest`.

    Before the first watch of all, in this order:

    1. Run `rollback.sh` of this folder in *every* namespace under audit but the one to be watched.
    2. Decide on each live policy of others: `flowlearn rollout status` lists them. Switched off, every
       stored policy enforces at once.
    3. Run `apply.sh` of the watch: it takes the audited default-deny of this folder away and puts the
       rules and their default-deny in place, still under audit.
    4. Switch audit mode off and restart the agents: that is the switch.

       ```
       helm upgrade cilium cilium/cilium -n kube-system --reuse-values --set policyAuditMode=false
       kubectl -n kube-system rollout restart ds/cilium
       kubectl -n kube-system rollout status ds/cilium
       ```

    5. Run `verify.sh` of the watch. It fails as long as audit mode is on.

    Namespaces that come later are audited by observing.

    Never rely on audit mode of single endpoints: it is lost when the agent restarts.

    """

  /// Calico with a staged policy.
  static let calicoStaged = """
    The way is a *staged default-deny* (Calico open source from 3.30, or Enterprise): it denies nothing,
    and flow logs say in their pending part what it would deny.

    1. `./apply.sh --context NAME` applies the staged policy. On older versions the kind is not known
       and nothing is changed: use the way `calico-log`, or observe.
    2. Feed the flow logs to `flowlearn ingest`.
    3. `apply.sh` of the watch takes it away; `./rollback.sh --context NAME` does so before.

    """

  /// Calico with a Log rule.
  static let calicoLog = """
    The way is a *last policy that logs and then allows*: whatever no other policy decides is written to
    the kernel log of the node with the prefix `calico-packet`.

    1. `./apply.sh --context NAME` applies it. It refuses when the namespace has policies already: the
       Allow at the end would open what they deny by isolating.
    2. Such lines carry no verdict: ingest them with `--log-prefix calico-packet=would-deny`.
    3. `apply.sh` of the watch takes it away: its Allow would let everything through that the rules do
       not decide. `./rollback.sh --context NAME` does so before.

    """
}
