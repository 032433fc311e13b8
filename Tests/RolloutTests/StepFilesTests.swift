import FlowModel
import Foundation
import Rollout
import Testing
import TestSupport

struct StepFilesTests {
  private static func everyStep() throws -> [(String, [StepFile])] {
    var steps: [(String, [StepFile])] = []
    for plugin in RolloutPlugin.allCases {
      steps.append(("step-\(plugin.rawValue)", try StepFixture.step(plugin: plugin).files()))
    }
    let last = try StepFixture.step(plugin: .calico, allowAll: .calicoAfterDenies)
    steps.append(("step-calico-after-denies", try last.files()))
    let audited = try StepFixture.step(
      plugin: .cilium,
      logOnly: .ciliumAgentAudit,
      replaced: ["networkpolicies.networking.k8s.io old-rule"]
    )
    steps.append(("step-cilium-audited", try audited.files()))
    for way in LogOnlyWay.allCases {
      let step = LogOnlyStep(namespace: "shop", plugin: way.plugin ?? .aws, way: way)
      steps.append(("log-only-\(way.rawValue)", try step.files()))
    }
    let exemptions = [
      MetadataExemption(namespace: "kube-system", labels: [:]),
      MetadataExemption(namespace: "shop", labels: ["app": "backup", "tier": "job"]),
      MetadataExemption(namespace: "shop", labels: ["app": "agent"]),
      MetadataExemption(namespace: "shop", labels: ["app": "dns"]),
    ]
    for plugin in [RolloutPlugin.cilium, .calico] {
      var step = ClusterWideStep(plugin: plugin)
      steps.append(("cluster-\(plugin.rawValue)", try step.files()))
      step.exemptions = exemptions
      step.defaultDeny = .init(excludedNamespaces: ["dev"])
      steps.append(("cluster-\(plugin.rawValue)-full", try step.files()))
    }
    let untiered = ClusterWideStep(
      plugin: .calico,
      exemptions: exemptions,
      calicoUntieredNamespaces: ["shop", "pay"]
    )
    steps.append(("cluster-calico-untiered", try untiered.files()))
    return steps
  }

  private func run(_ command: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }

  @Test("Every file of every step is as reviewed")
  func golden() throws {
    for (name, files) in try StepFilesTests.everyStep() {
      let withScripts = [
        "step-calico", "step-cilium-audited", "log-only-cilium-agent-audit", "cluster-cilium",
      ]
      let text = files.filter { !$0.isExecutable || withScripts.contains(name) }.map {
        "==== \($0.name)\($0.isExecutable ? " (executable)" : "")\n\($0.contents)"
      }
      try expectGolden(text.joined(), "\(name).txt")
    }
  }

  @Test("Every script passes shellcheck")
  func shellcheck() throws {
    guard try run(["bash", "-c", "command -v shellcheck"]).status == 0 else {
      print("skipped: shellcheck is not installed")
      return
    }
    let folders = try StepFilesTests.everyStep().map { try StepFolder($0.1) }
    let scripts = folders.flatMap { folder in
      ["apply.sh", "verify.sh", "rollback.sh"].map { "step/\($0)" }.filter(folder.exists)
        .map { folder.url.appendingPathComponent($0).path }
    }
    let result = try run(["shellcheck", "-x"] + scripts)
    #expect(result.status == 0, "\(result.output)")
    #expect(scripts.count >= 30)
  }

  @Test("Every manifest is valid against the published schemas")
  func schemas() throws {
    guard let tool = ProjectFiles.shared("tools/validate_policies.py") else { return }
    let steps = try StepFilesTests.everyStep().filter { step in
      step.1.contains { $0.name.hasSuffix(".yaml") }
    }
    let folders = try steps.map { try StepFolder($0.1) }
    let paths = folders.map { $0.url.appendingPathComponent("step").path }
    let result = try run(["python3", tool.path, "-q"] + paths)
    #expect(result.status == 0, "\(result.output)")
  }

  @Test("The shell reads a quoted word as exactly the text", arguments: Seed.samples(30))
  func quoting(seed: Seed) throws {
    var seed = seed
    let characters = Array("a'\"$`\\!;&|<>(){}[]*?~# \n\té")
    let text = String((0..<12).map { _ in characters.randomElement(using: &seed) ?? "a" })
    let result = try run(["bash", "-c", "printf %s \(ShellText.quoted(text))"])
    #expect(result.output == text)
  }

  @Test(
    "Names that Kubernetes does not accept get into no script",
    arguments: [
      "", "a b", "$(id)", "a'b", "-n", "A", "a\nb", "a/b", String(repeating: "a", count: 64),
    ]
  )
  func names(name: String) throws {
    #expect(throws: StepFileError.self) { try StepFixture.step(namespace: name).files() }
    #expect(throws: StepFileError.self) {
      try LogOnlyStep(namespace: name, plugin: .aws).files()
    }
    #expect(throws: StepFileError.self) {
      try ClusterWideStep(
        plugin: .cilium,
        exemptions: [MetadataExemption(namespace: name, labels: [:])]
      ).files()
    }
    var step = try StepFixture.step()
    if name.utf8.count < 64 {
      step.rules.objects = [StepFixture.object(name, namespace: "shop")]
      #expect(throws: StepFileError.self) { try step.files() }
    }
  }

  @Test("Objects of other namespaces, unknown kinds and doubles are refused")
  func objects() throws {
    var step = try StepFixture.step()
    step.rules.objects = [StepFixture.object("web", namespace: "pay")]
    #expect(throws: StepFileError.wrongNamespace(object: "web", namespace: "shop")) {
      try step.files()
    }
    step.rules.objects = [
      StepObject(apiVersion: "v1", kind: "Secret", namespace: "shop", name: "web")
    ]
    #expect(throws: StepFileError.unknownKind(apiVersion: "v1", kind: "Secret")) {
      try step.files()
    }
    step.rules.objects = [StepFixture.object("default-deny-all", namespace: "shop")]
    #expect(throws: StepFileError.duplicateObject("default-deny-all")) { try step.files() }
  }

  @Test("System namespaces are default-denied only when asked for by name")
  func system() throws {
    var step = try StepFixture.step(namespace: "kube-system")
    #expect(throws: StepFileError.systemNamespace("kube-system")) { try step.files() }
    step.isAskedByName = true
    #expect(try !step.files().isEmpty)
  }

  @Test("A way that the plugin does not have is refused")
  func ways() {
    #expect(throws: StepFileError.notForPlugin(.aws, "calico-staged")) {
      try LogOnlyStep(namespace: "shop", plugin: .aws, way: .calicoStaged).files()
    }
    #expect(throws: StepFileError.notForPlugin(.gke, "cluster-wide policy")) {
      try ClusterWideStep(plugin: .gke).files()
    }
  }

  @Test("A label that cannot exist gets into no selector")
  func labels() {
    for labels: Labels in [["a' || all()": "x"], ["a": "x'}"], ["": "x"], ["a/b/c": "x"]] {
      #expect(throws: StepFileError.self) {
        try ClusterWideStep(
          plugin: .calico,
          exemptions: [MetadataExemption(namespace: "shop", labels: labels)]
        ).files()
      }
    }
  }
}
