// swift-tools-version: 6.0
import Foundation
import PackageDescription

// The generated layer and the library: `bindings/check swift` makes them on Linux, `bindings/swift/xcframework` on macOS.
let environment = ProcessInfo.processInfo.environment
let library = environment["PLI_LIBRARY_FOLDER"]
let framework = "PliNative.xcframework"
let hasFramework = FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(framework)")

let native: [Target] = hasFramework
    ? [.binaryTarget(name: "PliNativeFFI", path: framework)]
    : [.systemLibrary(name: "PliValuesFFI"), .systemLibrary(name: "PliNativeFFI")]

let package = Package(
    name: "Pli",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [
        .library(name: "Pli", targets: ["Pli"]),
        // For tests of what is built over it.
        .library(name: "PliServer", targets: ["PliServer"]),
    ],
    targets: native + [
        // Written by the generator, whose code is of an earlier language mode.
        .target(
            name: "PliNative",
            dependencies: hasFramework ? ["PliNativeFFI"] : ["PliValuesFFI", "PliNativeFFI"],
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: library.map { folder in
                [
                    .unsafeFlags(["-L\(folder)"]), .linkedLibrary("pli"),
                    .unsafeFlags(["-Xlinker", "--allow-shlib-undefined"], .when(platforms: [.linux])),
                ]
            } ?? []
        ),
        .target(name: "Pli", dependencies: ["PliNative"]),
        .executableTarget(name: "chat", dependencies: ["Pli"]),
        .target(name: "PliServer", path: "Tests/Server"),
        .testTarget(name: "PliTests", dependencies: ["Pli", "PliServer"]),
    ],
    swiftLanguageModes: [.v6]
)
