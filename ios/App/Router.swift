import Observation
import Pli

/// Where one is: the conversation beside the list, what lies over it, and the sheet above all.
@MainActor @Observable final class Router {
    enum Place: Hashable {
        case group(ConversationId)
        case person(PersonId)
    }

    enum Sheet: Hashable, Identifiable {
        case new
        case add(to: ConversationId)
        case settings
        case join

        var id: Self { self }
    }

    var conversation: ConversationId? {
        didSet {
            if conversation != oldValue {
                path = []
                entry = nil
            }
        }
    }
    /// Where the conversation is opened: by a notification, at the message that it told of.
    private(set) var entry: ItemId?
    var path: [Place] = []
    var sheet: Sheet?

    func open(_ conversation: ConversationId, at entry: ItemId? = nil) {
        sheet = nil
        self.conversation = conversation
        path = []
        self.entry = entry
    }

    /// What was open is of a device that is no more.
    func home() {
        conversation = nil
        sheet = nil
    }
}
