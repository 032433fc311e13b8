import FlowModel
import PolicyModel

/// Calico's conjunction of tests on one end of a connection, made ready.
struct EndpointTest: Sendable {
  /// The pods the end must be one of, `.own` resolved; nil: no such test.
  let pods: PodMatch?
  private let notPods: LabelSelector?
  private let hasAddressTest: Bool
  private let addresses: AddressRanges

  /// Prepares a match; `own` is the policy's namespace.
  init(_ match: EndpointMatch, own: String?) {
    pods = match.pods.map { PeerMatcher.resolved($0, own: own) }
    notPods = match.notPods
    hasAddressTest = match.nets != nil || !match.notNets.isEmpty
    let within = match.nets ?? [.worldIPv4, .worldIPv6]
    addresses = AddressRanges(within.map { .cidr($0, except: match.notNets) })
  }

  /// How much of an endpoint passes.
  func level(of endpoint: PolicyEndpoint) -> MatchLevel {
    if let pods, !endpoint.isPod || !PeerMatcher.selects(pods, endpoint) { return .none }
    if let notPods, endpoint.isPod, notPods.matches(endpoint.labels) { return .none }
    guard hasAddressTest else { return .whole }
    if !endpoint.addresses.isEmpty { return addresses.coverage(of: endpoint.addresses) }
    return addresses.coverageOfUnknown(endpoint)
  }
}
