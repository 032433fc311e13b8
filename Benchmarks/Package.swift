// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "flowlearn-benchmarks",
  dependencies: [.package(name: "flowlearn", path: "..")],
  targets: [
    .target(name: "FlowGenerator"),
    .executableTarget(name: "Benchmark", dependencies: ["FlowGenerator"]),
    .executableTarget(
      name: "ScannerBenchmark",
      dependencies: [.product(name: "FlowlearnCore", package: "flowlearn")],
      // The core's interfaces are of package access; the benchmark counts as part of that package.
      swiftSettings: [.unsafeFlags(["-package-name", "flowlearn"])]
    ),
  ]
)
