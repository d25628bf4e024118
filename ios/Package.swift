// swift-tools-version: 6.0
import PackageDescription

// All of the app that needs neither SwiftUI nor UIKit: it builds and is tested on Linux too. The app takes the same
// sources, the views beside them, and what lies in App/: see project.yml.
let screens = [
    "Welcome", "Conversations", "Conversation", "NewConversation", "Group", "Person", "Devices", "Settings",
]

let package = Package(
    name: "PliApp",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [.library(name: "PliScreens", targets: ["PliScreens"])],
    dependencies: [.package(name: "Pli", path: "../bindings/swift")],
    targets: [
        .target(
            name: "PliScreens",
            dependencies: [.product(name: "Pli", package: "Pli")],
            path: "Sources",
            exclude: screens.flatMap { ["Screens/\($0)/\($0)View.swift", "Screens/\($0)/\($0)Previews.swift"] }
                + ["Screens/Conversation/BubbleView.swift", "Screens/Conversation/ComposerView.swift"]
        ),
        .testTarget(
            name: "PliScreensTests", dependencies: ["PliScreens", .product(name: "PliServer", package: "Pli")], path: "Tests",
            exclude: ["Life", "MainThread"]),
        // Sessions in processes of their own, for the tests of what the main thread does, and of processes that are killed.
        .executableTarget(name: "main-thread", dependencies: ["PliScreens"], path: "Tests/MainThread"),
        .executableTarget(name: "life", dependencies: ["PliScreens"], path: "Tests/Life"),
    ],
    swiftLanguageModes: [.v6]
)
