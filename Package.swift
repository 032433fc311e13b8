// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
let core: [SwiftSetting] = strict + [.strictMemorySafety()]

let package = Package(
  name: "flowlearn",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
  ],
  targets: [
    // Core: pure, in the order of the pipeline.
    .target(name: "FlowModel", swiftSettings: core),
    .target(name: "JSONText", dependencies: ["FlowModel"], swiftSettings: core),
    .target(name: "FlowAggregation", dependencies: ["FlowModel"], swiftSettings: core),
    .target(
      name: "FlowFormats", dependencies: ["FlowModel", "FlowAggregation", "JSONText"],
      swiftSettings: core),
    .target(
      name: "ClusterInventory", dependencies: ["FlowModel", "FlowAggregation", "JSONText"],
      swiftSettings: core),
    .target(name: "PolicyModel", dependencies: ["FlowModel"], swiftSettings: core),
    .target(
      name: "PolicySynthesis", dependencies: ["FlowModel", "FlowAggregation", "PolicyModel"],
      swiftSettings: core),
    .target(
      name: "PolicyEvaluation", dependencies: ["FlowModel", "FlowAggregation", "PolicyModel"],
      swiftSettings: core),
    .target(
      name: "PolicyManifests",
      dependencies: ["FlowModel", "PolicyModel", .product(name: "Yams", package: "Yams")],
      swiftSettings: core),
    .target(name: "Rollout", dependencies: ["FlowModel", "JSONText"], swiftSettings: core),

    // Storage.
    .target(name: "FlowSchema", path: "schema", resources: [.embedInCode("sqlite")]),
    .target(name: "FlowStorage", dependencies: ["FlowModel", "FlowAggregation"]),
    .target(
      name: "FlowStorageSQLite",
      dependencies: [
        "FlowModel", "FlowAggregation", "FlowStorage", "FlowSchema", "JSONText",
        .product(name: "GRDB", package: "GRDB.swift"),
      ], swiftSettings: strict),

    // Workflow.
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
    .target(
      name: "AuditPipeline",
      dependencies: [
        "FlowModel", "JSONText", "FlowAggregation", "FlowFormats", "ClusterInventory",
        "PolicyModel", "PolicySynthesis", "PolicyEvaluation", "PolicyManifests", "Rollout",
        "FlowStorage", "CZlib", "CZstd", .product(name: "Yams", package: "Yams"),
      ], swiftSettings: strict),

    // Front end.
    .executableTarget(
      name: "flowlearn",
      dependencies: [
        "FlowModel", "JSONText", "FlowAggregation", "FlowFormats", "ClusterInventory",
        "PolicyModel", "PolicySynthesis", "PolicyEvaluation", "PolicyManifests", "Rollout",
        "FlowStorage", "FlowStorageSQLite", "AuditPipeline",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),

    // Tools.
    .executableTarget(
      name: "SampleFlowGenerator", dependencies: ["FlowModel", "JSONText"], swiftSettings: strict),

    // Tests.
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
  ]
)
