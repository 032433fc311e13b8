import ArgumentParser

@main
struct FlowlearnCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flowlearn",
    abstract: "Learn least-privilege Kubernetes network policy from flow logs.",
    discussion: """
      Flow logs that the cluster already writes (Hubble, Calico, VPC) are folded into a SQLite store. \
      From a week of them flowlearn proposes the smallest set of allow rules, proves it by replay, and \
      walks each namespace through a staged rollout. It reads files only and never talks to a cluster.

      Examples:

        flowlearn ingest sample-flows/hubble/flows.jsonl
        flowlearn propose --namespace app-prod > app-prod.yaml
        flowlearn rollout status
      """,
    version: "0.1.0",
    subcommands: [
      IngestCommand.self, InventoryCommand.self, FlowsCommand.self, WorkloadsCommand.self,
      ProposeCommand.self, CheckCommand.self, ExplainCommand.self, DiffCommand.self,
      WeeksCommand.self, ReviewCommand.self, RolloutCommand.self, WatchCommand.self,
      DatabaseCommand.self,
    ]
  )
}
