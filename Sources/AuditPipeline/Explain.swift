package import FlowModel
package import PolicyEvaluation
package import PolicyModel

/// What would happen to a connection between two ends.
package struct ExplainedConnection: Sendable {
  /// The client.
  package var source: NamedEnd
  /// The server.
  package var destination: NamedEnd
  /// One explanation for each way the ends' pods are judged, the denied ones first.
  package var explanations: [Explanation]

  /// Whether the connection is allowed, whichever pods of its ends take part.
  package var isAllowed: Bool { explanations.allSatisfy(\.decision.allowed) }
}

/// Tells what policies would do to a connection, and why.
package struct Explain: Sendable {
  private let lookup: EndLookup
  private let engine: EngineSemantics?

  /// Makes a step over what a store knows.
  package init(_ evidence: Evidence, reader: EvidenceReader, engine: EngineSemantics?) {
    self.engine = engine
    lookup = EndLookup(
      evidence,
      inventory: reader.inventory,
      universe: Check(evidence, reader: reader, engine: engine).makeUniverse()
    )
  }

  /// The protocol and number that a port's name stands for at an end; nil where it has none.
  package func namedPort(
    _ name: String,
    transport: TransportProtocol?,
    at end: String
  ) throws(EndLookupError) -> (TransportProtocol, UInt16)? {
    let end = try lookup.end(end, transport: transport ?? .tcp, port: 0)
    for endpoint in end.endpoints {
      for port in endpoint.namedPorts where port.name == name {
        if transport == nil || transport == port.transport { return (port.transport, port.port) }
      }
    }
    return nil
  }

  /// Explains a connection.
  ///
  /// - Parameters:
  ///   - source: As ``EndLookup/end(_:transport:port:)`` has it; `destination` likewise.
  ///   - port: The port the client asks for; behind a Service the pods' own counts.
  /// - Throws: ``EndLookupError``.
  package func run(
    from source: String,
    to destination: String,
    transport: TransportProtocol,
    port: UInt16,
    policies: PolicySet
  ) throws(EndLookupError) -> ExplainedConnection {
    // A client has no port to tell it by.
    let from = try lookup.end(source, transport: transport, port: 0)
    let to = try lookup.end(destination, transport: transport, port: port)
    let evaluator = PolicyEvaluator(policies: policies, engine: engine)
    var explanations: [Explanation] = []
    for client in from.endpoints {
      for server in to.endpoints {
        let explanation = evaluator.explain(
          PolicyConnection(
            source: client,
            destination: server,
            transport: transport,
            port: to.port ?? port
          )
        )
        let isKnown = explanations.contains {
          $0.decision == explanation.decision && $0.egress == explanation.egress
            && $0.ingress == explanation.ingress
        }
        if !isKnown { explanations.append(explanation) }
      }
    }
    let denied = explanations.filter { !$0.decision.allowed }
    return ExplainedConnection(
      source: from,
      destination: to,
      explanations: denied + explanations.filter(\.decision.allowed)
    )
  }
}
