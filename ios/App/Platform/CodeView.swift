import CoreImage.CIFilterBuiltins
import SwiftUI

/// A code to scan, black on white in the dark too: cameras read it so.
struct CodeView: View {
    let text: String
    let label: String

    var body: some View {
        if let image = Self.image(of: text) {
            Image(decorative: image, scale: 1)
                .interpolation(.none)
                .resizable()
                .scaledToFit()
                .padding(Gap.edge)
                .background(Color.white)
                .frame(maxWidth: 280)
                .accessibilityElement()
                .accessibilityLabel(Text(verbatim: label))
        }
    }

    private static func image(of text: String) -> CGImage? {
        let filter = CIFilter.qrCodeGenerator()
        filter.message = Data(text.utf8)
        filter.correctionLevel = "M"
        guard let code = filter.outputImage else { return nil }
        return CIContext().createCGImage(code, from: code.extent)
    }
}
