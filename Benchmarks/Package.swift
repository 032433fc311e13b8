// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "flowlearn-benchmarks",
  targets: [
    .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
    .target(name: "FlowGenerator"),
    .executableTarget(name: "Benchmark", dependencies: ["FlowGenerator", "CSQLite"]),
  ]
)
