// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "flowlearn-benchmarks",
  targets: [
    .target(name: "FlowGenerator"),
    .executableTarget(name: "Benchmark", dependencies: ["FlowGenerator"]),
  ]
)
