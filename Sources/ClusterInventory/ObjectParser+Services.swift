import FlowModel
import JSONText

extension ObjectParser {
  mutating func service(_ object: ObjectField) throws(InventoryError) -> ServiceObject {
    var service = ServiceObject(metadata: try metadata(object, isNamespaced: true))
    if let spec = try object.child("spec") {
      service.type =
        try spec.text("type").flatMap(ServiceObject.ServiceType.init) ?? .clusterIP
      service.clusterAddresses = try addresses(
        [try spec.child("clusterIP")] + (try spec.elements("clusterIPs"))
      )
      service.externalAddresses = try addresses(try spec.elements("externalIPs"))
      service.selector = try spec.labels("selector")
      service.healthCheckNodePort = try spec.port("healthCheckNodePort")
      for field in try spec.elements("ports") {
        let number = try field.port("port")
        guard number != 0 else { continue }
        service.ports.append(
          ServiceObject.Port(
            name: try field.text("name") ?? "",
            transport: try field.transport("protocol"),
            port: number,
            target: try targetPort(field),
            nodePort: try field.port("nodePort")
          )
        )
      }
      var balancers = [try spec.child("loadBalancerIP")]
      if let status = try object.descendant("status", "loadBalancer") {
        for entry in try status.elements("ingress") { balancers.append(try entry.child("ip")) }
      }
      service.loadBalancerAddresses = try addresses(balancers)
    }
    return service
  }

  private func targetPort(_ field: ObjectField) throws(InventoryError)
    -> ServiceObject.TargetPort?
  {
    guard let target = try field.child("targetPort") else { return nil }
    if let number = target.value.integer {
      guard let port = UInt16(exactly: number) else { throw target.malformed }
      return port == 0 ? nil : .number(port)
    }
    guard let name = target.value.string else { throw target.malformed }
    return name.isEmpty ? nil : .name(name)
  }

  mutating func slice(_ object: ObjectField) throws(InventoryError) -> EndpointsObject {
    var metadata = try metadata(object, isNamespaced: true)
    let isName = try object.text("addressType") == "FQDN"
    var members: [EndpointsObject.Member] = []
    if !isName {
      for endpoint in try object.elements("endpoints") {
        members.append(
          EndpointsObject.Member(
            addresses: try addresses(try endpoint.elements("addresses")),
            pod: try targetPod(endpoint, namespace: metadata.namespace)
          )
        )
      }
    }
    let label = "kubernetes.io/service-name"
    if metadata.labels[label] == nil, let owner = metadata.owner, owner.kind == "Service" {
      metadata.labels[label] = owner.name
    }
    return EndpointsObject(
      metadata: metadata,
      isSlice: true,
      service: metadata.labels[label] ?? "",
      subsets: [EndpointsObject.Subset(members: members, ports: try endpointPorts(object))]
    )
  }

  mutating func endpoints(_ object: ObjectField) throws(InventoryError) -> EndpointsObject {
    let metadata = try metadata(object, isNamespaced: true)
    var subsets: [EndpointsObject.Subset] = []
    for subset in try object.elements("subsets") {
      var members: [EndpointsObject.Member] = []
      // Endpoints that are not ready still identify the pod.
      for list in ["addresses", "notReadyAddresses"] {
        for entry in try subset.elements(list) {
          members.append(
            EndpointsObject.Member(
              addresses: try addresses([try entry.child("ip")]),
              pod: try targetPod(entry, namespace: metadata.namespace)
            )
          )
        }
      }
      subsets.append(EndpointsObject.Subset(members: members, ports: try endpointPorts(subset)))
    }
    return EndpointsObject(
      metadata: metadata,
      isSlice: false,
      service: metadata.name,
      subsets: subsets
    )
  }

  private func targetPod(_ field: ObjectField, namespace: String) throws(InventoryError)
    -> EndpointsObject.PodName?
  {
    guard let target = try field.child("targetRef"), try target.text("kind") == "Pod",
      let name = try target.text("name")
    else { return nil }
    return EndpointsObject.PodName(
      namespace: try target.text("namespace") ?? namespace,
      name: name
    )
  }

  private func endpointPorts(_ field: ObjectField) throws(InventoryError)
    -> [EndpointsObject.Port]
  {
    var ports: [EndpointsObject.Port] = []
    for entry in try field.elements("ports") {
      let port = EndpointsObject.Port(
        name: try entry.text("name") ?? "",
        transport: try entry.transport("protocol"),
        port: try entry.port("port")
      )
      if port.port != 0 { ports.append(port) }
    }
    return ports
  }
}
