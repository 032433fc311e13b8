// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "flowlearn",
  targets: [
    .target(name: "FlowModel"),
    .target(name: "JSONText", dependencies: ["FlowModel"]),
    .target(name: "PolicyModel", dependencies: ["FlowModel"]),
    .target(name: "FlowAggregation", dependencies: ["FlowModel"]),
    .target(name: "FlowFormats", dependencies: ["FlowModel", "FlowAggregation", "JSONText"]),
    .target(
      name: "PolicySynthesis",
      dependencies: ["FlowModel", "FlowAggregation", "PolicyModel"]
    ),
    .target(name: "TestSupport", path: "Tests/TestSupport"),
  ]
)
for target in package.targets {
  target.swiftSettings = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"), .strictMemorySafety(),
  ]
}
