#if DEBUG && canImport(UIKit)
import SwiftUI

@MainActor private func welcome(_ problem: String? = nil, joining: Bool = false) -> some View {
    var state = WelcomeState()
    if problem != nil || joining { state.link = "pli://mairie.example:8443/kq3v9x2m" }
    state.isJoining = joining
    state.problem = problem.map { Sentence($0) }
    return WelcomeView(state: state, events: Idle())
}

#Preview("first_start") { welcome() }
#Preview("joining") { welcome(joining: true) }
#Preview("bad_link") { welcome("welcome.bad_link") }
#Preview("used") { welcome("welcome.used") }
#Preview("expired") { welcome("welcome.expired") }
#Preview("no_network") { welcome("welcome.no_network") }
#Preview("wrong_organisation") { welcome("welcome.wrong_organisation") }
#endif
