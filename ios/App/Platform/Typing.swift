import SwiftUI

extension View {
    /// The keyboard learns nothing and suggests nothing that it would have to keep. iOS has no switch for all of it: without
    /// correction it learns no words; prose still begins with a capital letter.
    func privateTyping(isProse: Bool = false) -> some View {
        autocorrectionDisabled()
            .textInputAutocapitalization(isProse ? .sentences : .never)
            .textContentType(.none)
    }
}
