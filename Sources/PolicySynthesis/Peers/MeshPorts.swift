import FlowAggregation
import FlowModel

/// Ports of service meshes, behind which policy sees the tunnel and not the application.
enum MeshPorts {
  private static let owners: [UInt16: String] = [
    15001: "Istio's sidecar", 15006: "Istio's sidecar", 15008: "HBONE (ztunnel, waypoints)",
    15012: "Istio's control plane", 15017: "Istio's webhook", 15020: "Istio's sidecar metrics",
    15021: "Istio's health check", 15090: "Envoy's metrics", 4143: "Linkerd's proxy",
    4190: "Linkerd's tap", 4191: "Linkerd's metrics",
  ]

  /// A remark for each such port among connections.
  static func notes(on connections: [LearnedConnection]) -> Set<String> {
    var notes: Set<String> = []
    for connection in connections where connection.transport == .tcp {
      guard let owner = owners[connection.port] else { continue }
      notes.insert("TCP/\(connection.port) is \(owner): policy sees the mesh, not the application")
    }
    return notes
  }
}
