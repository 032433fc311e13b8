import FlowAggregation
import FlowFormats
import FlowModel
import Foundation
import JSONText
import TestSupport
import Testing

/// A published sample and what must be learned from it, after the notes on its source.
struct HubbleSample: Sendable, CustomTestStringConvertible {
  var file: String
  var words: [String]
  var discards: [String]
  /// Lines that cannot be read.
  var refused: [Int]
  /// Whether its records carry no time.
  var lacksTime: Bool

  init(
    _ file: String,
    _ words: [String],
    discards: [String] = [],
    refused: [Int] = [],
    lacksTime: Bool = false
  ) {
    self.file = file
    self.words = words
    self.discards = discards
    self.refused = refused
    self.lacksTime = lacksTime
  }

  var testDescription: String { file }

  /// The records as lines, elements of an array one each; nil where the file is missing.
  func lines() throws -> [String]? {
    guard let url = ProjectFiles.shared("flows/hubble/\(file)") else { return nil }
    let text = try String(contentsOf: url, encoding: .utf8)
    guard file.hasSuffix(".json") else {
      return text.split(separator: "\n").map(String.init)
    }
    return try JSONParser.parse(text).array?.map { JSONWriter.text($0) }
  }

  static let all = real + otel + edited + synthetic

  private static let pos = "poc1:cf2cnp-lab/app=pos,app.kubernetes.io/name=pos"
  private static let shop = "app=shop,app.kubernetes.io/name=shop"
  private static let stranger = "poc1:cf2cnp-lab/app=stranger,app.kubernetes.io/name=stranger"
  private static let lab27 = "poc1:cf2cnp-lab27/"
  private static let frontend =
    "\(lab27)deployment=shop-frontend app=shop-frontend,app.kubernetes.io/component=frontend,"
    + "app.kubernetes.io/name=shop"
  private static let backend =
    "\(lab27)deployment=shop-backend app=shop-backend,app.kubernetes.io/component=backend,"
    + "app.kubernetes.io/name=shop"
  private static let aks = "longtestnetworkflowcni:default/deployment=kapinger"

  private static let real = [
    // A reply, its FIN, and a forward FIN at the destination that is marked EGRESS.
    HubbleSample(
      "aks-fluentbit-3-flows.jsonl",
      [
        "\(aks)-bad app=kapinger,server=bad > \(aks)-good app=kapinger,server=good TCP/8080 both allowed"
      ],
      discards: ["reply 2"]
    ),
    HubbleSample(
      "cilium-1.18-deny-policy-correlated.jsonl",
      [
        "topgun:net-lab/deployment=traffic-generator app=traffic-generator > "
          + "topgun:net-lab/app=echo-server TCP/80 egress explicit-deny"
      ]
    ),
    // Frontend and backend share a name label and stay two workloads; the direction is reliable.
    HubbleSample(
      "cilium-1.20-audit-first4.jsonl",
      [
        "\(lab27)app=pos,app.kubernetes.io/name=pos > \(frontend) TCP/80 ingress would-deny",
        "\(frontend) > \(backend) TCP/80 ingress would-deny",
      ]
    ),
    // No gen: labels; two CoreDNS pods are one peer; TO_ENDPOINT counts for both sides.
    HubbleSample(
      "cilium-1.20-pos-egress-named.jsonl",
      [
        "\(pos) > example.com@104.20.23.154/32 TCP/443 egress allowed",
        "\(pos) > poc1:cf2cnp-lab/deployment=shop \(shop) TCP/80 both allowed",
        "\(pos) > poc1:kube-system/deployment=coredns k8s-app=kube-dns UDP/53 both allowed",
      ]
    ),
    HubbleSample(
      "cilium-1.20-pos-to-world.jsonl",
      ["\(pos) > 104.20.23.154/32 TCP/443 egress allowed"]
    ),
    HubbleSample(
      "cilium-1.20-stranger-to-shop.export-fieldmask.jsonl",
      ["\(stranger) > poc1:cf2cnp-lab/\(shop) TCP/80 ingress denied"]
    ),
    HubbleSample(
      "cilium-1.20-stranger-to-shop.loki.jsonl",
      ["\(stranger) > poc1:cf2cnp-lab/\(shop) TCP/80 ingress denied"]
    ),
    HubbleSample(
      "cilium-docs-exporter-fieldmask.jsonl",
      ["default/xwing > default/deathstar-7848d6c4d5-th9v2 TCP/80 egress denied"],
      discards: ["other-protocol 1"]
    ),
    HubbleSample(
      "eks-1.19-kubelet-probe.jsonl",
      ["node:host > default:kube-system/deployment=coredns k8s-app=kube-dns TCP/8181 both allowed"]
    ),
  ]

  private static let otelLabel = "sidecar.opentelemetry.io/injected=bookinfo.otelcol-bookinfo"
  private static func bookinfo(_ app: String) -> String {
    "kind-kind:bookinfo/app=\(app),\(otelLabel)"
  }
  private static let collector =
    "kind-kind:kube-system/app.kubernetes.io/component=opentelemetry-collector,"
    + "app.kubernetes.io/instance=kube-system.otelcol-hubble,"
    + "app.kubernetes.io/name=otelcol-hubble-collector,app.kubernetes.io/part-of=opentelemetry"
  private static let jaeger =
    "kind-kind:jaeger/app=jaeger,app.kubernetes.io/component=all-in-one,"
    + "app.kubernetes.io/instance=jaeger-default,app.kubernetes.io/name=jaeger-default,"
    + "app.kubernetes.io/part-of=jaeger"
  private static let dns =
    "default:kube-system/k8s-app=node-local-dns > default:kube-system/k8s-app=kube-dns "
    + "TCP/53 egress allowed"

  private static let otel = [
    // The oldest wrapped dialect: no is_reply at all, only reply: true.
    HubbleSample(
      "hubble-otel-basic-sample-10-flows.jsonl",
      [
        "default:istio-system/app=prometheus,release=istio > default:bookinfo/app=reviews "
          + "TCP/15090 both allowed",
        "default:istio-system/app=telemetry,istio=mixer,istio-mixer-type=telemetry,release=istio > "
          + "default:istio-system/app=galley,istio=galley,release=istio TCP/9901 both allowed",
        "default:kube-system/k8s-app=event-exporter > 35.246.31.234/32 TCP/443 egress allowed",
        "node:host > default:bookinfo/app=reviews TCP/15020 both allowed",
        "node:host > default:kube-system/k8s-app=kube-dns TCP/10054 both allowed",
      ],
      discards: ["reply 5"]
    ),
    // Pods seen through the proxy keep their namespace; pods labelled as world are no world.
    HubbleSample(
      "hubble-otel-basic-sample-400-tcp-flows.jsonl",
      [
        "\(bookinfo("productpage")) > \(bookinfo("details")) TCP/9080 egress allowed",
        "\(bookinfo("productpage")) > \(bookinfo("reviews")) TCP/9080 both allowed",
        "\(bookinfo("productpage")) > \(bookinfo("reviews")) TCP/9080 egress allowed",
        "\(bookinfo("ratings")) > \(bookinfo("productpage")) TCP/9080 both allowed",
        "\(bookinfo("ratings")) > \(bookinfo("productpage")) TCP/9080 egress allowed",
        "\(bookinfo("reviews")) > \(bookinfo("ratings")) TCP/9080 both allowed",
        "\(bookinfo("reviews")) > \(bookinfo("ratings")) TCP/9080 egress allowed",
        "\(collector) > \(jaeger) TCP/14250 both allowed",
        "\(collector) > node:host TCP/4244 egress allowed",
        "node:host > \(jaeger) TCP/14269 both allowed",
      ],
      discards: ["observation-point 49", "reply 133"]
    ),
    HubbleSample(
      "hubble-otel-basic-sample-400-icmpv4-flows.jsonl",
      [],
      discards: ["health-check 7", "observation-point 4", "other-protocol 7"]
    ),
    HubbleSample("hubble-otel-basic-sample-330-dns-flows.jsonl", [dns], discards: ["reply 165"]),
    HubbleSample("hubble-otel-basic-sample-5-dns-flows.jsonl", [dns], discards: ["reply 2"]),
    HubbleSample(
      "hubble-otel-basic-sample-5-http-flows.jsonl",
      [
        "> 10.128.0.4/32 TCP/9990", "> kube-system/kube-dns-b4f5c58c7-7qmtw TCP/10054",
        "> kube-system/node-local-dns-r99x7 TCP/9253",
      ].map { "default:istio-system/app=prometheus,release=istio \($0) egress allowed" },
      discards: ["reply 2"]
    ),
  ]

  private static func ubuntu(_ number: Int, _ group: Int, _ extra: String = "") -> String {
    "multiubuntu/\(extra)container=ubuntu-\(number),group=group-\(group)"
  }
  private static let kubeDNS = "kube-system/k8s-app=kube-dns"
  private static let common = "common:commonselector=,"

  private static let edited = [
    HubbleSample(
      "flat-array-TC_02_egress_matchLabels_toPorts_multiplePorts.json",
      [
        "\(ubuntu(1, 1)) > \(kubeDNS) UDP/53 egress allowed",
        "\(ubuntu(1, 1)) > \(ubuntu(4, 2)) TCP/8000 egress allowed",
        "\(ubuntu(1, 1)) > \(ubuntu(4, 2)) TCP/8080 egress allowed",
      ],
      lacksTime: true
    ),
    HubbleSample(
      "flat-array-TC_05_egress_toCIDRs_toPorts_single_port.json",
      ["\(ubuntu(5, 1)) > 143.248.36.38/32 TCP/8000 egress allowed"],
      lacksTime: true
    ),
    HubbleSample(
      "flat-array-TC_06_egress_for_toCIDRs_toPorts_multiple_ports.json",
      [8000, 8080].map { "\(ubuntu(2, 1)) > 143.248.36.38/32 TCP/\($0) egress allowed" },
      lacksTime: true
    ),
    HubbleSample(
      "flat-array-TC_08_egress_toFQDNs_multiPorts.json",
      [8000, 8080].map { "\(ubuntu(2, 1)) > 35.232.8.239/32 TCP/\($0) egress allowed" },
      discards: ["reply 2"]
    ),
    HubbleSample(
      "flat-array-TC_09_egress_toEntities_host.json",
      ["\(ubuntu(1, 1)) > node:host TCP/80 egress allowed"],
      lacksTime: true
    ),
    HubbleSample(
      "flat-array-TC_10_egress_toEntities_remote_node.json",
      ["\(ubuntu(1, 1)) > node:remote-node:10.110.105.183/32 TCP/80 egress allowed"],
      lacksTime: true
    ),
    HubbleSample(
      "flat-array-TC_11_egress_toServices_single_pod.json",
      ["\(ubuntu(2, 1)) > 143.248.36.38/32 TCP/80 egress allowed"],
      discards: ["reply 1"]
    ),
    HubbleSample(
      "flat-array-TC_12_egress_toServices_multiple_pods.json",
      [2, 3].map { "\(ubuntu($0, 1)) > 143.248.36.38/32 TCP/80 egress allowed" },
      discards: ["reply 1"]
    ),
    HubbleSample(
      "flat-array-TC_14_egress_selector_aggregation_matchLabels_toFQDNS.json",
      [2, 3].map { "\(ubuntu($0, 1)) > 143.248.36.38/32 TCP/8000 egress allowed" },
      discards: ["reply 2"]
    ),
    HubbleSample(
      "flat-array-TC_16_egress_selector_aggregator_matchLabels_toPorts_commonLabel.json",
      [(1, 1), (2, 1), (3, 1)].map {
        "\(ubuntu($0.0, $0.1, common)) > \(ubuntu(4, 2, common)) TCP/8080 egress allowed"
      } + [
        "\(ubuntu(4, 2, common)) > \(kubeDNS) UDP/53 egress allowed",
        "\(ubuntu(5, 2, common)) > \(ubuntu(4, 2, common)) TCP/8080 egress allowed",
      ],
      lacksTime: true
    ),
    HubbleSample(
      "flat-array-TC_17_egress_same_dest_matchlabels.json",
      ["\(ubuntu(1, 1)) > \(kubeDNS) UDP/53 egress allowed"]
        + [(4, 8000), (4, 8080), (5, 8000), (5, 8080)].map {
          "\(ubuntu(1, 1)) > \(ubuntu($0.0, 2)) TCP/\($0.1) egress allowed"
        },
      lacksTime: true
    ),
    HubbleSample(
      "flat-array-TC_24_ingress_matchlabels_toPorts_toHttps_multiple_urls.json",
      ["\(ubuntu(2, 1)) > \(ubuntu(4, 2)) TCP/8080 ingress allowed"],
      lacksTime: true
    ),
    HubbleSample(
      "flat-array-TC_25_ingress_fromEntities_unmanaged.json",
      ["\(ubuntu(1, 1)) > entity:unmanaged TCP/80 egress allowed"],
      lacksTime: true
    ),
    HubbleSample(
      "flat-array-flows-template-verbose.json",
      [
        "default:\(ubuntu(1, 1)) > default:\(kubeDNS) UDP/53 egress allowed",
        "default:\(ubuntu(1, 1)) > default:\(ubuntu(4, 2)) TCP/8080 egress allowed",
        "node:remote-node:10.128.0.69/32 > default:\(ubuntu(4, 2)) TCP/8080 both allowed",
      ],
      discards: ["reply 6"]
    ),
  ]

  private static let synthetic = [
    HubbleSample("synthetic-cpg-empty.jsonl", []),
    HubbleSample("synthetic-cpg-l7_dns.jsonl", [], discards: ["non-policy-drop 3"]),
    HubbleSample("synthetic-cpg-l7_http.jsonl", [], discards: ["no-ports 4"]),
    HubbleSample("synthetic-cpg-malformed.jsonl", [], discards: ["no-ports 2"], refused: [2]),
    HubbleSample("synthetic-cpg-mixed_tcp_icmp.jsonl", [], discards: ["no-ports 4"]),
    HubbleSample("synthetic-cpg-with_non_dropped.jsonl", [], discards: ["no-ports 5"]),
  ]
}

@Suite("Published Hubble samples")
struct HubbleSamplesTests {
  @Test("A sample teaches what its source says it shows", arguments: HubbleSample.all)
  func samples(sample: HubbleSample) throws {
    guard let lines = try sample.lines() else { return }
    var options = DecoderOptions()
    if sample.lacksTime { options.assumedTime = 1_614_556_800_000_000 }
    let log = decodeHubble(lines, options: options)
    #expect(log.words == sample.words)
    #expect(log.discards == sample.discards)
    #expect(log.counts.rejections.map(\.line) == sample.refused)
    #expect(log.counts.records == lines.count)
    let shuffled = decodeHubble((lines + lines).reversed(), options: options)
    #expect(shuffled.words == sample.words)
  }

  @Test(
    "Samples without times are refused with the option that helps",
    arguments: HubbleSample.all.filter(\.lacksTime)
  )
  func withoutTime(sample: HubbleSample) throws {
    guard let lines = try sample.lines() else { return }
    let log = decodeHubble(lines)
    #expect(log.words.isEmpty && log.discards.isEmpty)
    #expect(log.counts.rejectedCount == lines.count)
    #expect(log.counts.rejections.allSatisfy { $0.problem.contains("--assume-time") })
  }

  @Test("Every sample there is, is in the list")
  func complete() throws {
    guard let folder = ProjectFiles.shared("flows/hubble") else { return }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { !$0.hasSuffix(".gz") }
    #expect(Set(names) == Set(HubbleSample.all.map(\.file)))
  }
}
