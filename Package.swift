// swift-tools-version: 6.2
import PackageDescription

/// Settings of every target.
let common: [SwiftSetting] =
  [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])
/// Settings of the core, which has no I/O and marks every unsafe use.
let core: [SwiftSetting] = common + [.strictMemorySafety()]

let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")
let arguments: Target.Dependency = .product(
  name: "ArgumentParser",
  package: "swift-argument-parser"
)

let package = Package(
  name: "flowlearn",
  products: [.executable(name: "flowlearn", targets: ["flowlearn"])],
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
    .systemLibrary(name: "CPrefetch"),
    .target(
      name: "FlowFormats",
      dependencies: ["FlowModel", "FlowAggregation", "JSONText", "CPrefetch"],
      swiftSettings: core
    ),
    .target(
      name: "ClusterInventory",
      dependencies: ["FlowModel", "FlowAggregation", "JSONText"],
      swiftSettings: core
    ),
    .target(name: "PolicyModel", dependencies: ["FlowModel"], swiftSettings: core),
    .target(
      name: "PolicySynthesis",
      dependencies: ["FlowModel", "FlowAggregation", "PolicyModel"],
      swiftSettings: core
    ),
    .target(
      name: "PolicyEvaluation",
      dependencies: ["FlowModel", "PolicyModel"],
      swiftSettings: core
    ),
    .target(
      name: "PolicyManifests",
      dependencies: ["FlowModel", "PolicyModel", yams],
      swiftSettings: core
    ),
    .target(name: "Rollout", dependencies: ["FlowModel", "JSONText"], swiftSettings: core),

    // Storage.
    .target(
      name: "FlowSchema",
      path: "schema",
      resources: [.embedInCode("sqlite")],
      swiftSettings: common
    ),
    .target(
      name: "FlowStorage",
      dependencies: ["FlowModel", "FlowAggregation"],
      swiftSettings: common
    ),
    .target(
      name: "FlowStorageSQLite",
      dependencies: [
        "FlowModel", "FlowAggregation", "FlowStorage", "FlowSchema", "JSONText", grdb, sqlite,
      ],
      swiftSettings: common
    ),

    // Workflow.
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
    .target(
      name: "AuditPipeline",
      dependencies: [
        "FlowModel", "JSONText", "FlowAggregation", "FlowFormats", "ClusterInventory",
        "PolicyModel", "PolicySynthesis", "PolicyEvaluation", "PolicyManifests", "Rollout",
        "FlowStorage", "CZlib", "CZstd", yams,
      ],
      swiftSettings: common
    ),

    // Front end.
    .executableTarget(
      name: "flowlearn",
      dependencies: [
        "FlowModel", "JSONText", "FlowAggregation", "FlowFormats", "ClusterInventory",
        "PolicyModel", "PolicySynthesis", "PolicyEvaluation", "PolicyManifests", "Rollout",
        "FlowStorage", "FlowStorageSQLite", "AuditPipeline", arguments,
      ],
      swiftSettings: common
    ),

    // Tools for people who work on flowlearn.
    .executableTarget(
      name: "SampleFlowGenerator",
      dependencies: ["FlowModel", "JSONText"],
      swiftSettings: common
    ),
    .executableTarget(
      name: "CLIReference",
      dependencies: ["JSONText"],
      swiftSettings: common
    ),
    .executableTarget(
      name: "ScannerBenchmark",
      dependencies: ["FlowModel", "FlowAggregation", "FlowFormats"],
      swiftSettings: common
    ),
    .executableTarget(
      name: "CoverBenchmark",
      dependencies: ["PolicySynthesis"],
      swiftSettings: common
    ),

    // Tests.
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: common),
    .target(
      name: "StoreContract",
      dependencies: ["FlowModel", "FlowAggregation", "FlowStorage", "TestSupport"],
      path: "Tests/StoreContract",
      swiftSettings: common
    ),
    .testTarget(
      name: "FlowStorageTests",
      dependencies: ["FlowStorage", "StoreContract"],
      swiftSettings: common
    ),
    .testTarget(
      name: "FlowStorageSQLiteTests",
      dependencies: [
        "FlowModel", "FlowAggregation", "FlowSchema", "FlowStorage", "FlowStorageSQLite",
        "StoreContract", "TestSupport", grdb,
      ],
      exclude: ["Golden"],
      swiftSettings: common
    ),
    .testTarget(
      name: "FlowModelTests",
      dependencies: ["FlowModel", "TestSupport"],
      swiftSettings: common
    ),
    .testTarget(
      name: "JSONTextTests",
      dependencies: ["FlowModel", "JSONText", "TestSupport"],
      swiftSettings: common
    ),
    .testTarget(
      name: "FlowAggregationTests",
      dependencies: ["FlowModel", "FlowAggregation", "TestSupport"],
      swiftSettings: common
    ),
    .testTarget(
      name: "FlowFormatsTests",
      dependencies: ["FlowModel", "JSONText", "FlowAggregation", "FlowFormats", "TestSupport"],
      swiftSettings: common
    ),
    .testTarget(
      name: "ClusterInventoryTests",
      dependencies: [
        "FlowModel", "FlowAggregation", "JSONText", "ClusterInventory", "TestSupport", yams,
      ],
      swiftSettings: common
    ),
    .testTarget(
      name: "PolicySynthesisTests",
      dependencies: [
        "FlowModel", "FlowAggregation", "PolicyModel", "PolicySynthesis", "PolicyEvaluation",
        "PolicyManifests", "TestSupport",
      ],
      swiftSettings: common
    ),
    .testTarget(
      name: "PolicyEvaluationTests",
      dependencies: [
        "FlowModel", "PolicyModel", "PolicyEvaluation", "PolicyManifests", "TestSupport", yams,
      ],
      swiftSettings: common
    ),
    .testTarget(
      name: "PolicyManifestsTests",
      dependencies: ["FlowModel", "PolicyModel", "PolicyManifests", "TestSupport"],
      exclude: ["Golden"],
      swiftSettings: common
    ),
    .testTarget(
      name: "RolloutTests",
      dependencies: ["FlowModel", "JSONText", "Rollout", "TestSupport"],
      exclude: ["Golden"],
      swiftSettings: common
    ),
    .testTarget(
      name: "AuditPipelineTests",
      dependencies: [
        "FlowModel", "JSONText", "FlowAggregation", "FlowFormats", "ClusterInventory",
        "PolicyModel",
        "PolicySynthesis", "PolicyEvaluation", "PolicyManifests", "Rollout", "FlowStorage",
        "FlowStorageSQLite", "AuditPipeline", "CZlib", "TestSupport",
      ],
      exclude: ["Golden"],
      swiftSettings: common
    ),
    .testTarget(
      name: "FlowlearnTests",
      dependencies: [
        "FlowAggregation", "AuditPipeline", "FlowStorageSQLite", "flowlearn",
        "CLIReference", "SampleFlowGenerator", "TestSupport",
      ],
      exclude: ["Golden"],
      swiftSettings: common
    ),
  ]
)
