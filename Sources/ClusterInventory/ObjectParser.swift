import FlowModel
import JSONText

/// Reads single Kubernetes objects, and counts addresses that were blanked out.
///
/// Fields that are not needed are not looked at, so that other versions of a kind are read too.
struct ObjectParser {
  /// Values in address fields that are no addresses (`***HIDDEN***` and the like).
  var redacted = 0

  mutating func address(_ field: ObjectField) throws(InventoryError) -> IPAddress? {
    guard let text = field.value.string else { throw field.malformed }
    if text.isEmpty || text == "None" { return nil }
    // Node annotations hold addresses with a prefix length.
    if let address = IPAddress(text.prefix { $0 != "/" }) { return address }
    redacted += 1
    return nil
  }

  /// The addresses of several fields, each once, in order.
  mutating func addresses(_ fields: [ObjectField?]) throws(InventoryError) -> [IPAddress] {
    var result: [IPAddress] = []
    for case .some(let field) in fields {
      if let address = try address(field), !result.contains(address) { result.append(address) }
    }
    return result
  }

  func metadata(_ object: ObjectField, isNamespaced: Bool) throws(InventoryError)
    -> ObjectMetadata
  {
    guard let field = try object.child("metadata") else { throw object.missing("metadata") }
    guard let name = try field.text("name"), !name.isEmpty else { throw field.missing("name") }
    var metadata = ObjectMetadata(name: name)
    if isNamespaced { metadata.namespace = try field.text("namespace") ?? "default" }
    metadata.uid = try field.text("uid") ?? ""
    metadata.created = try field.time("creationTimestamp")
    metadata.labels = try field.labels("labels")
    for owner in try field.elements("ownerReferences") where try owner.flag("controller") {
      guard let kind = try owner.text("kind"), let name = try owner.text("name") else {
        throw owner.malformed
      }
      metadata.owner = OwnerReference(kind: kind, name: name, uid: try owner.text("uid") ?? "")
      break
    }
    return metadata
  }

  // MARK: Pods

  mutating func pod(_ object: ObjectField) throws(InventoryError) -> PodObject {
    var pod = PodObject(metadata: try metadata(object, isNamespaced: true))
    if let metadata = try object.child("metadata") {
      pod.generateName = try metadata.text("generateName") ?? ""
      pod.deletion = try metadata.time("deletionTimestamp")
      if let annotations = try metadata.child("annotations") {
        pod.isMirror = try annotations.child("kubernetes.io/config.mirror") != nil
        pod.apiServer = try apiServer(annotations)
      }
    }
    if let spec = try object.child("spec") {
      pod.nodeName = try spec.text("nodeName") ?? ""
      pod.usesHostNetwork = try spec.flag("hostNetwork")
      let isLocalDNS = pod.metadata.labels["k8s-app"] == "node-local-dns"
      for container in try spec.elements("containers") {
        pod.ports += try ports(container)
        if isLocalDNS { pod.localDNSAddresses += try listenAddresses(container) }
      }
      for container in try spec.elements("initContainers")
      where try container.text("restartPolicy") == "Always" {
        pod.ports += try ports(container)
      }
    }
    if let status = try object.child("status") { try read(status, into: &pod) }
    return pod
  }

  private mutating func read(_ status: ObjectField, into pod: inout PodObject)
    throws(InventoryError)
  {
    pod.phase = try status.text("phase").flatMap(PodObject.Phase.init) ?? .unknown
    pod.start = try status.time("startTime")
    pod.addresses = try addresses(
      [try status.child("podIP")] + children("ip", of: try status.elements("podIPs"))
    )
    pod.hostAddresses = try addresses(
      [try status.child("hostIP")] + children("ip", of: try status.elements("hostIPs"))
    )
    var starts: [Int64] = []
    var ends: [Int64] = []
    for list in ["containerStatuses", "initContainerStatuses"] {
      for container in try status.elements(list) {
        for state in ["state", "lastState"] {
          if let running = try container.descendant(state, "running"),
            let start = try running.time("startedAt")
          {
            starts.append(start)
          }
          if let terminated = try container.descendant(state, "terminated") {
            if let start = try terminated.time("startedAt") { starts.append(start) }
            if let end = try terminated.time("finishedAt") { ends.append(end) }
          }
        }
      }
    }
    pod.firstContainerStart = starts.min()
    // The end of an earlier run says nothing of a pod that runs again.
    pod.lastContainerEnd = pod.phase.isFinished ? ends.max() : nil
  }

  private func children(_ key: String, of fields: [ObjectField]) throws(InventoryError)
    -> [ObjectField?]
  {
    var result: [ObjectField?] = []
    for field in fields { result.append(try field.child(key)) }
    return result
  }

  private func ports(_ container: ObjectField) throws(InventoryError) -> [PodObject.Port] {
    var ports: [PodObject.Port] = []
    for field in try container.elements("ports") {
      let port = PodObject.Port(
        name: try field.text("name") ?? "",
        transport: try field.transport("protocol"),
        port: try field.port("containerPort"),
        hostPort: try isLoopback(field.text("hostIP")) ? 0 : field.port("hostPort")
      )
      if port.port != 0 { ports.append(port) }
    }
    return ports
  }

  private func isLoopback(_ text: String?) -> Bool {
    guard let text, let address = IPAddress(text) else { return false }
    return address.isIPv6 ? address.high == 0 && address.low == 1 : address.low >> 24 == 127
  }

  /// The addresses of `-localip A,B` in a container's arguments.
  private func listenAddresses(_ container: ObjectField) throws(InventoryError) -> [IPAddress] {
    var result: [IPAddress] = []
    var isNext = false
    for argument in try container.elements("args") {
      guard let text = argument.value.string else { throw argument.malformed }
      let flag = text.drop { $0 == "-" }
      if isNext {
        result += text.split(separator: ",").compactMap { IPAddress($0) }
      } else if flag.hasPrefix("localip="), flag.count < text.count {
        result += flag.dropFirst("localip=".count).split(separator: ",")
          .compactMap { IPAddress($0) }
      }
      isNext = flag == "localip" && flag.count < text.count
    }
    return result
  }

  private func apiServer(_ annotations: ObjectField) throws(InventoryError)
    -> PodObject.APIServer?
  {
    let key = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
    guard let text = try annotations.text(key), let colon = text.lastIndex(of: ":"),
      let port = UInt16(text[text.index(after: colon)...]), port > 0,
      let address = IPAddress(text[..<colon].filter { $0 != "[" && $0 != "]" })
    else { return nil }
    return PodObject.APIServer(address: address, port: port)
  }

  // MARK: Nodes and namespaces

  /// Annotations in which network plugins keep further addresses of the node.
  private static let addressAnnotations = [
    "projectcalico.org/IPv4Address", "projectcalico.org/IPv6Address",
    "projectcalico.org/IPv4IPIPTunnelAddr", "projectcalico.org/IPv4VXLANTunnelAddr",
    "projectcalico.org/IPv6VXLANTunnelAddr", "projectcalico.org/IPv4WireguardInterfaceAddr",
    "projectcalico.org/IPv6WireguardInterfaceAddr", "io.cilium.network.ipv4-cilium-host",
    "io.cilium.network.ipv6-cilium-host", "network.cilium.io/ipv4-cilium-host",
    "network.cilium.io/ipv6-cilium-host", "flannel.alpha.coreos.com/public-ip",
    "flannel.alpha.coreos.com/public-ipv6",
  ]

  mutating func node(_ object: ObjectField) throws(InventoryError) -> NodeObject {
    var node = NodeObject(metadata: try metadata(object, isNamespaced: false))
    var fields: [ObjectField?] = []
    if let status = try object.child("status") {
      for entry in try status.elements("addresses")
      where try entry.text("type")?.hasSuffix("IP") == true {
        fields.append(try entry.child("address"))
      }
    }
    if let annotations = try object.descendant("metadata", "annotations") {
      for key in ObjectParser.addressAnnotations { fields.append(try annotations.child(key)) }
    }
    node.addresses = try addresses(fields)
    if let spec = try object.child("spec") {
      node.providerID = try spec.text("providerID") ?? ""
      for field in [try spec.child("podCIDR")] + (try spec.elements("podCIDRs")) {
        guard let field else { continue }
        guard let text = field.value.string else { throw field.malformed }
        if let range = CIDR(text) {
          if !node.podCIDRs.contains(range) { node.podCIDRs.append(range) }
        } else if !text.isEmpty {
          redacted += 1
        }
      }
    }
    return node
  }

  func namespace(_ object: ObjectField) throws(InventoryError) -> NamespaceObject {
    NamespaceObject(metadata: try metadata(object, isNamespaced: false))
  }

  // MARK: Controllers and Ingresses

  func controller(_ object: ObjectField, kind: String) throws(InventoryError) -> ControllerObject {
    var controller = ControllerObject(
      kind: kind,
      metadata: try metadata(object, isNamespaced: true)
    )
    guard let spec = try object.child("spec") else { return controller }
    let hasPlainSelector = kind == "ReplicationController" || kind == "DeploymentConfig"
    if hasPlainSelector {
      controller.selector = try spec.labels("selector")
    } else if kind != "CronJob", let selector = try spec.child("selector") {
      controller.selector = try selector.labels("matchLabels")
    }
    let pods =
      kind == "CronJob"
      ? try spec.descendant("jobTemplate", "spec", "template", "metadata")
      : try spec.descendant("template", "metadata")
    if let pods { controller.templateLabels = try pods.labels("labels") }
    return controller
  }

  func ingress(_ object: ObjectField) throws(InventoryError) -> IngressObject {
    var names: Set<String> = []
    func add(_ backend: ObjectField?) throws(InventoryError) {
      guard let backend else { return }
      if let name = try backend.text("serviceName") { names.insert(name) }
      if let service = try backend.child("service"), let name = try service.text("name") {
        names.insert(name)
      }
    }
    let metadata = try metadata(object, isNamespaced: true)
    if let spec = try object.child("spec") {
      try add(try spec.child("defaultBackend"))
      try add(try spec.child("backend"))
      for rule in try spec.elements("rules") {
        guard let http = try rule.child("http") else { continue }
        for path in try http.elements("paths") { try add(try path.child("backend")) }
      }
    }
    return IngressObject(metadata: metadata, services: names.sorted())
  }

  func route(_ object: ObjectField) throws(InventoryError) -> IngressObject {
    let metadata = try metadata(object, isNamespaced: true)
    var names: Set<String> = []
    if let spec = try object.child("spec") {
      for target in [try spec.child("to")] + (try spec.elements("alternateBackends")) {
        if let target, try target.text("kind") ?? "Service" == "Service",
          let name = try target.text("name")
        {
          names.insert(name)
        }
      }
    }
    return IngressObject(kind: "Route", metadata: metadata, services: names.sorted())
  }
}
