import AuditPipeline
import FlowFormats
import FlowModel
import Foundation
import Testing

@Suite("Several clusters in one store")
struct ClusterScopeTests {
  /// A flow log of one namespace in which a client calls a server on a port.
  private func log(client: String, server: String, port: Int, cluster: String? = nil) -> String {
    let cluster = cluster.map { #","cluster":"\#($0)""# } ?? ""
    func labels(_ app: String) -> String { #"{"labels":["app=\#(app)"]}"# }
    return ["src", "dst"].map { reporter in
      #"{"start_time":1793577900,"end_time":1793578200,"source_name_aggr":"\#(client)-*","#
        + #""source_namespace":"shop","source_type":"wep","source_labels":\#(labels(client)),"#
        + #""dest_name_aggr":"\#(server)-*","dest_namespace":"shop","dest_port":\#(port),"#
        + #""dest_type":"wep","dest_labels":\#(labels(server)),"proto":"tcp","action":"allow","#
        + #""reporter":"\#(reporter)","packets_in":4,"packets_out":4,"bytes_in":1,"bytes_out":1"#
        + #"\#(cluster)}"# + "\n"
    }.joined()
  }

  private func ingest(_ text: String, cluster: String = "", into sample: SampleStore) async throws {
    let file = sample.folder.appendingPathComponent("\(UUID().uuidString).log")
    try text.write(to: file, atomically: true, encoding: .utf8)
    var options = IngestOptions()
    options.cluster = cluster
    _ = try await Ingest(store: sample.stores.flows, resolver: nil, options: options, now: 0)
      .run(path: file.path)
  }

  private func propose(_ cluster: String?, _ sample: SampleStore) async throws -> String {
    var options = ProposeOptions()
    options.selection = WindowSelection(span: .all, cluster: cluster)
    return try ProposalText.yaml(try await sample.propose("shop", options), annotate: false)
  }

  @Test("Proposals never mix two clusters: they refuse, or take the one that was chosen")
  func refusesOrChooses() async throws {
    let both = try SampleStore()
    defer { both.remove() }
    let east = log(client: "web", server: "api", port: 8080)
    let west = log(client: "batch", server: "db", port: 5432)
    try await ingest(east, cluster: "east", into: both)
    try await ingest(west, cluster: "west", into: both)
    await #expect(
      throws: EvidenceError.severalClusters(namespace: "shop", clusters: ["east", "west"])
    ) { try await propose(nil, both) }
    await #expect(throws: EvidenceError.noSuchCluster("north", known: ["east", "west"])) {
      try await propose("north", both)
    }

    for (cluster, text) in [("east", east), ("west", west)] {
      let alone = try SampleStore()
      defer { alone.remove() }
      try await ingest(text, cluster: cluster, into: alone)
      let expected = try await propose(nil, alone)
      #expect(try await propose(cluster, both) == expected)
      #expect(try await propose(cluster, alone) == expected)
      #expect(expected.contains(cluster == "east" ? "8080" : "5432"))
    }
  }

  @Test("The log's own cluster names are told apart too")
  func namesInTheLog() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    let text =
      log(client: "web", server: "api", port: 8080, cluster: "east")
      + log(client: "web", server: "api", port: 9090, cluster: "west")
    try await ingest(text, into: sample)
    await #expect(throws: EvidenceError.self) { try await propose(nil, sample) }
    let west = try await propose("west", sample)
    #expect(west.contains("9090") && !west.contains("8080"))
  }

  @Test("Logs without a cluster's name belong to the only one that is named")
  func unnamed() async throws {
    let sample = try SampleStore()
    defer { sample.remove() }
    try await ingest(log(client: "web", server: "api", port: 8080), cluster: "east", into: sample)
    try await ingest(log(client: "web", server: "api", port: 9090), into: sample)
    let text = try await propose(nil, sample)
    #expect(text.contains("8080") && text.contains("9090"))
    #expect(try await propose("east", sample) == text)
  }
}
