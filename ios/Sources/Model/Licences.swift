import Foundation

/// The list of what Pli is made of, as apps/generate writes it.
struct Licences: Decodable, Equatable, Sendable {
    struct Component: Decodable, Equatable, Sendable, Identifiable {
        var id: String { name + version }
        let name: String
        let version: String
        let licence: String
        /// Which of the texts.
        let text: Int
    }

    var components: [Component] = []
    var texts: [String] = []

    static func load(from place: URL?) async -> Licences {
        guard let place, let data = try? Data(contentsOf: place) else { return Licences() }
        return (try? JSONDecoder().decode(Licences.self, from: data)) ?? Licences()
    }
}
