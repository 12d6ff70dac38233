// swift-tools-version: 6.2
import PackageDescription

// One section a target, its tests beside it, sorted alphabetically. The arrows go one way
// (a target may import only what its `dependencies` name):
//
//   ssh-mcp-sessions -> Administration, SSHTools       Administration -> SSHTools, HostStore, OpenSSH
//   SSHMCPSessions -> SSHTools -> MCP, HostStore, LoopbackPage, OpenSSH, RemoteShell
//   LoopbackPage, OpenSSH, RemoteShell -> ChildProcess -> CPlatform        MCP, HostStore -> JSON
//   ssh-mcp-sessions -> ClientSetup -> JSON

let house: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
  name: "ssh-mcp-sessions",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "ssh-mcp-sessions", targets: ["ssh-mcp-sessions"]),
    .library(name: "SSHMCPSessions", targets: ["SSHMCPSessions"]),
  ],
  dependencies: [
    // Decisions/0003-dependencies.md says what each saves and costs.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    .target(
      name: "Administration",
      dependencies: ["ChildProcess", "HostStore", "JSON", "OpenSSH", "SSHTools", logging],
      swiftSettings: house),
    .testTarget(
      name: "AdministrationTests",
      dependencies: ["Administration", "ChildProcess", "HostStore", "JSON", "OpenSSH", "TestSupport"],
      swiftSettings: house),

    .target(name: "CPlatform"),

    .target(name: "ChildProcess", dependencies: ["CPlatform"], swiftSettings: house),
    .testTarget(
      name: "ChildProcessTests", dependencies: ["ChildProcess", "TestSupport"], swiftSettings: house),

    .target(name: "ClientSetup", dependencies: ["JSON"], swiftSettings: house),
    .testTarget(
      name: "ClientSetupTests", dependencies: ["ClientSetup", "JSON", "TestSupport"], swiftSettings: house),

    .testTarget(name: "EndToEndTests", dependencies: ["JSON", "TestSupport"], swiftSettings: house),

    .target(
      name: "Fuzzing",
      dependencies: ["ChildProcess", "ClientSetup", "HostStore", "JSON", "MCP", "OpenSSH", "RemoteShell"],
      path: "Tests/Fuzzing", swiftSettings: house),
    .testTarget(name: "FuzzingTests", dependencies: ["Fuzzing"], swiftSettings: house),

    .target(name: "HostStore", dependencies: ["JSON"], swiftSettings: house),
    .testTarget(
      name: "HostStoreTests", dependencies: ["HostStore", "JSON", "TestSupport"], swiftSettings: house),

    .target(name: "JSON", swiftSettings: house),
    .testTarget(name: "JSONTests", dependencies: ["JSON", "TestSupport"], swiftSettings: house),

    .target(name: "LoopbackPage", dependencies: ["ChildProcess"], swiftSettings: house),
    .testTarget(
      name: "LoopbackPageTests", dependencies: ["ChildProcess", "LoopbackPage", "TestSupport"],
      swiftSettings: house),

    .target(name: "MCP", dependencies: ["JSON"], swiftSettings: house),
    .testTarget(name: "MCPTests", dependencies: ["JSON", "MCP", "TestSupport"], swiftSettings: house),

    .target(name: "OpenSSH", dependencies: ["ChildProcess"], swiftSettings: house),
    .testTarget(
      name: "OpenSSHTests", dependencies: ["ChildProcess", "OpenSSH", "TestSupport"], swiftSettings: house),

    .target(name: "RemoteShell", dependencies: ["ChildProcess"], swiftSettings: house),
    .testTarget(
      name: "RemoteShellTests", dependencies: ["ChildProcess", "RemoteShell", "TestSupport"],
      swiftSettings: house),

    .target(
      name: "SSHMCPSessions", dependencies: ["ChildProcess", "JSON", "MCP", "OpenSSH", "SSHTools", logging],
      swiftSettings: house),
    .testTarget(
      name: "SSHMCPSessionsTests", dependencies: ["SSHMCPSessions", "TestSupport"], swiftSettings: house),

    .target(
      name: "SSHTools",
      dependencies: [
        "ChildProcess", "HostStore", "JSON", "LoopbackPage", "MCP", "OpenSSH", "RemoteShell", logging,
      ],
      swiftSettings: house),
    .testTarget(
      name: "SSHToolsTests", dependencies: ["JSON", "MCP", "SSHTools", "TestSupport"], swiftSettings: house),

    .executableTarget(
      name: "ssh-mcp-sessions",
      dependencies: [
        "Administration", "ChildProcess", "ClientSetup", "HostStore", "JSON", "MCP", "OpenSSH", "SSHTools",
        argumentParser, logging,
      ],
      swiftSettings: house),

    .target(
      name: "TestSupport", dependencies: ["JSON"], path: "Tests/TestSupport", swiftSettings: house),

    .testTarget(name: "TidyTests", dependencies: ["JSON", "TestSupport"], swiftSettings: house),
  ]
)

// Needs libFuzzer, which only scripts/fuzz links.
if Context.environment["SSH_MCP_FUZZER"] != nil {
  package.targets.append(
    .executableTarget(
      name: "Fuzzer", dependencies: ["Fuzzing"], path: "Tests/Fuzzer", swiftSettings: house))
}
