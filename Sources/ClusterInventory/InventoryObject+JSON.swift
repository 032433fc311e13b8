import FlowModel
package import JSONText

extension InventoryObject {
  /// The object as compact JSON for storage: a Kubernetes object with only the fields kept.
  ///
  /// Equal objects give equal text. ``init(decoding:)`` reads it back to an equal object.
  package func encode() -> String { JSONWriter.text(json) }

  /// Reads what ``encode()`` wrote.
  package init(decoding text: String) throws(InventoryError) {
    let value: JSONValue
    do { value = try JSONParser.parse(text) } catch { throw .notJSON(error) }
    let field = ObjectField(value: value, path: .object, file: "stored object", item: 0)
    var parser = ObjectParser()
    guard let kind = value["kind"]?.string,
      let object = try parser.object(field, kind: kind, version: value["apiVersion"]?.string)
    else { throw .unknownKind }
    self = object
  }

  /// The object as a JSON tree, members in a fixed order.
  package var json: JSONValue {
    var builder = ObjectBuilder()
    builder.set("apiVersion", .string(InventoryObject.version(of: kind)))
    builder.set("kind", .string(kind))
    switch self {
    case .pod(let pod): pod.write(to: &builder)
    case .node(let node): node.write(to: &builder)
    case .service(let service): service.write(to: &builder)
    case .endpoints(let endpoints): endpoints.write(to: &builder)
    case .namespace(let namespace):
      builder.set("metadata", namespace.metadata.builder.value)
    case .controller(let controller): controller.write(to: &builder)
    case .ingress(let ingress): ingress.write(to: &builder)
    }
    return builder.value
  }

  private static func version(of kind: String) -> String {
    switch kind {
    case "EndpointSlice": "discovery.k8s.io/v1"
    case "Deployment", "ReplicaSet", "DaemonSet", "StatefulSet": "apps/v1"
    case "Job", "CronJob": "batch/v1"
    case "DeploymentConfig": "apps.openshift.io/v1"
    case "Rollout": "argoproj.io/v1alpha1"
    case "Ingress": "networking.k8s.io/v1"
    case "Route": "route.openshift.io/v1"
    default: "v1"
    }
  }
}

/// Collects members and leaves out what is empty.
private struct ObjectBuilder {
  private var object = JSONObject()

  var value: JSONValue { .object(object) }

  mutating func set(_ key: String, _ value: JSONValue?) {
    switch value {
    case nil, .object(JSONObject()), .array([]): return
    case .some(let value): object.members.append((key: key, value: value))
    }
  }

  mutating func set(text: String, for key: String) {
    if !text.isEmpty { set(key, .string(text)) }
  }

  mutating func set(port: UInt16, for key: String) {
    if port != 0 { set(key, .number(String(port))) }
  }

  mutating func set(time: Int64?, for key: String) {
    if let time { set(key, .string(Timestamps.text(time, fraction: true))) }
  }

  mutating func set(labels: Labels, for key: String) {
    let members = labels.elements.map { (key: $0.key, value: JSONValue.string($0.value)) }
    set(key, .object(JSONObject(members)))
  }

  mutating func set(addresses: [IPAddress], for key: String) {
    set(key, .array(addresses.map { .string($0.description) }))
  }

  static func make(_ fill: (inout ObjectBuilder) -> Void) -> JSONValue {
    var builder = ObjectBuilder()
    fill(&builder)
    return builder.value
  }
}

extension ObjectMetadata {
  fileprivate var builder: ObjectBuilder {
    var builder = ObjectBuilder()
    builder.set(text: name, for: "name")
    builder.set(text: namespace, for: "namespace")
    builder.set(text: uid, for: "uid")
    builder.set(time: created, for: "creationTimestamp")
    builder.set(labels: labels, for: "labels")
    if let owner {
      let reference = ObjectBuilder.make {
        $0.set("kind", .string(owner.kind))
        $0.set("name", .string(owner.name))
        $0.set(text: owner.uid, for: "uid")
        $0.set("controller", .bool(true))
      }
      builder.set("ownerReferences", .array([reference]))
    }
    return builder
  }
}

extension PodObject {
  fileprivate func write(to builder: inout ObjectBuilder) {
    var head = metadata.builder
    head.set(text: generateName, for: "generateName")
    head.set(time: deletion, for: "deletionTimestamp")
    head.set(
      "annotations",
      ObjectBuilder.make {
        if isMirror { $0.set("kubernetes.io/config.mirror", .string("true")) }
        if let apiServer {
          let host = apiServer.address.description
          $0.set(
            "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint",
            .string("\(apiServer.address.isIPv6 ? "[\(host)]" : host):\(apiServer.port)")
          )
        }
      }
    )
    builder.set("metadata", head.value)
    builder.set(
      "spec",
      ObjectBuilder.make {
        $0.set(text: nodeName, for: "nodeName")
        if usesHostNetwork { $0.set("hostNetwork", .bool(true)) }
        let container = ObjectBuilder.make {
          if !localDNSAddresses.isEmpty {
            let list = localDNSAddresses.map(\.description).joined(separator: ",")
            $0.set("args", .array([.string("-localip=\(list)")]))
          }
          $0.set("ports", .array(ports.map(\.json)))
        }
        if container != .object(JSONObject()) { $0.set("containers", .array([container])) }
      }
    )
    builder.set("status", status)
  }

  private var status: JSONValue {
    ObjectBuilder.make {
      $0.set("phase", .string(phase.rawValue))
      $0.set(time: start, for: "startTime")
      $0.set("podIPs", PodObject.list(addresses))
      $0.set("hostIPs", PodObject.list(hostAddresses))
      let terminated = ObjectBuilder.make {
        $0.set(time: firstContainerStart, for: "startedAt")
        $0.set(time: lastContainerEnd, for: "finishedAt")
      }
      guard terminated != .object(JSONObject()) else { return }
      let state = ObjectBuilder.make {
        $0.set("state", ObjectBuilder.make { $0.set("terminated", terminated) })
      }
      $0.set("containerStatuses", .array([state]))
    }
  }

  private static func list(_ addresses: [IPAddress]) -> JSONValue {
    .array(
      addresses.map { address in
        ObjectBuilder.make { $0.set("ip", .string(address.description)) }
      }
    )
  }
}

extension PodObject.Port {
  fileprivate var json: JSONValue {
    ObjectBuilder.make {
      $0.set(text: name, for: "name")
      $0.set("protocol", .string(transport.description))
      $0.set(port: port, for: "containerPort")
      $0.set(port: hostPort, for: "hostPort")
    }
  }
}

extension NodeObject {
  fileprivate func write(to builder: inout ObjectBuilder) {
    builder.set("metadata", metadata.builder.value)
    builder.set(
      "spec",
      ObjectBuilder.make {
        $0.set("podCIDRs", .array(podCIDRs.map { .string($0.description) }))
        $0.set(text: providerID, for: "providerID")
      }
    )
    let list = addresses.map { address in
      ObjectBuilder.make {
        $0.set("type", .string("NodeIP"))
        $0.set("address", .string(address.description))
      }
    }
    builder.set("status", ObjectBuilder.make { $0.set("addresses", .array(list)) })
  }
}

extension ServiceObject {
  fileprivate func write(to builder: inout ObjectBuilder) {
    builder.set("metadata", metadata.builder.value)
    builder.set(
      "spec",
      ObjectBuilder.make {
        $0.set("type", .string(type.rawValue))
        $0.set(addresses: clusterAddresses, for: "clusterIPs")
        $0.set(addresses: externalAddresses, for: "externalIPs")
        $0.set(labels: selector, for: "selector")
        $0.set(port: healthCheckNodePort, for: "healthCheckNodePort")
        $0.set("ports", .array(ports.map(\.json)))
      }
    )
    let balancers = loadBalancerAddresses.map { address in
      ObjectBuilder.make { $0.set("ip", .string(address.description)) }
    }
    guard !balancers.isEmpty else { return }
    let balancer = ObjectBuilder.make { $0.set("ingress", .array(balancers)) }
    builder.set("status", ObjectBuilder.make { $0.set("loadBalancer", balancer) })
  }
}

extension ServiceObject.Port {
  fileprivate var json: JSONValue {
    ObjectBuilder.make {
      $0.set(text: name, for: "name")
      $0.set("protocol", .string(transport.description))
      $0.set(port: port, for: "port")
      switch target {
      case .number(let number): $0.set(port: number, for: "targetPort")
      case .name(let name): $0.set(text: name, for: "targetPort")
      }
      $0.set(port: nodePort, for: "nodePort")
    }
  }
}

extension EndpointsObject {
  fileprivate func write(to builder: inout ObjectBuilder) {
    builder.set("metadata", metadata.builder.value)
    if isSlice {
      for subset in subsets {
        builder.set(
          "endpoints",
          .array(
            subset.members.map { member in
              ObjectBuilder.make {
                $0.set(addresses: member.addresses, for: "addresses")
                $0.set("targetRef", member.pod?.json)
              }
            }
          )
        )
        builder.set("ports", .array(subset.ports.map(\.json)))
      }
      return
    }
    let list = subsets.map { subset in
      ObjectBuilder.make {
        $0.set("addresses", .array(subset.members.map(\.endpointsJSON)))
        $0.set("ports", .array(subset.ports.map(\.json)))
      }
    }
    builder.set("subsets", .array(list))
  }
}

extension EndpointsObject.Member {
  fileprivate var endpointsJSON: JSONValue {
    ObjectBuilder.make {
      $0.set("ip", addresses.first.map { .string($0.description) })
      $0.set("targetRef", pod?.json)
    }
  }
}

extension EndpointsObject.PodName {
  fileprivate var json: JSONValue {
    ObjectBuilder.make {
      $0.set("kind", .string("Pod"))
      $0.set("namespace", .string(namespace))
      $0.set("name", .string(name))
    }
  }
}

extension EndpointsObject.Port {
  fileprivate var json: JSONValue {
    ObjectBuilder.make {
      $0.set(text: name, for: "name")
      $0.set("protocol", .string(transport.description))
      $0.set(port: port, for: "port")
    }
  }
}

extension ControllerObject {
  fileprivate func write(to builder: inout ObjectBuilder) {
    builder.set("metadata", metadata.builder.value)
    let template = ObjectBuilder.make {
      $0.set("metadata", ObjectBuilder.make { $0.set(labels: templateLabels, for: "labels") })
    }
    builder.set(
      "spec",
      ObjectBuilder.make {
        switch kind {
        case "CronJob":
          let job = ObjectBuilder.make { $0.set("template", template) }
          $0.set("jobTemplate", ObjectBuilder.make { $0.set("spec", job) })
        case "ReplicationController", "DeploymentConfig":
          $0.set(labels: selector, for: "selector")
          $0.set("template", template)
        default:
          let matching = ObjectBuilder.make { $0.set(labels: selector, for: "matchLabels") }
          $0.set("selector", matching)
          $0.set("template", template)
        }
      }
    )
  }
}

extension IngressObject {
  fileprivate func write(to builder: inout ObjectBuilder) {
    builder.set("metadata", metadata.builder.value)
    if kind == "Route" {
      let targets = services.map { name in
        ObjectBuilder.make { $0.set("name", .string(name)) }
      }
      builder.set(
        "spec",
        ObjectBuilder.make { $0.set("alternateBackends", .array(targets)) }
      )
      return
    }
    let paths = services.map { name in
      ObjectBuilder.make {
        let service = ObjectBuilder.make { $0.set("name", .string(name)) }
        $0.set("backend", ObjectBuilder.make { $0.set("service", service) })
      }
    }
    let rule = ObjectBuilder.make {
      $0.set("http", ObjectBuilder.make { $0.set("paths", .array(paths)) })
    }
    if !services.isEmpty {
      builder.set("spec", ObjectBuilder.make { $0.set("rules", .array([rule])) })
    }
  }
}
