import SwiftUI
import VisionKit

/// The camera, until it sees a code.
struct ScannerView: UIViewControllerRepresentable {
    /// Whether this phone has what it takes, and the person lets Pli use it.
    @MainActor static var isAvailable: Bool { DataScannerViewController.isSupported }

    let found: @MainActor (String) -> Void

    func makeUIViewController(context: Context) -> DataScannerViewController {
        let scanner = DataScannerViewController(
            recognizedDataTypes: [.barcode(symbologies: [.qr])], qualityLevel: .balanced, isHighlightingEnabled: true)
        scanner.delegate = context.coordinator
        try? scanner.startScanning()
        return scanner
    }

    func updateUIViewController(_ scanner: DataScannerViewController, context: Context) {}

    static func dismantleUIViewController(_ scanner: DataScannerViewController, coordinator: Coordinator) {
        scanner.stopScanning()
    }

    func makeCoordinator() -> Coordinator { Coordinator(found) }

    @MainActor final class Coordinator: NSObject, DataScannerViewControllerDelegate {
        private var found: (@MainActor (String) -> Void)?

        init(_ found: @escaping @MainActor (String) -> Void) { self.found = found }

        func dataScanner(
            _ scanner: DataScannerViewController, didAdd added: [RecognizedItem], allItems: [RecognizedItem]
        ) {
            for case .barcode(let code) in added {
                guard let text = code.payloadStringValue, let found else { continue }
                // Once: the screen goes away.
                self.found = nil
                found(text)
            }
        }
    }
}
