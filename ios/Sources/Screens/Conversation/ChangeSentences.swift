import Pli

extension Sentence {
    /// What a change says to this person, who may have made it or be the one whom it names.
    init(_ change: Change, me: PersonId?) {
        let mine =
            if change.by.id == me { Self.own(change) } else if change.names(me) { Self.toMe(change) } else { nil as Sentence? }
        self = mine ?? Self.byAnother(change)
    }

    /// What somebody else did, to others or to nobody.
    private static func byAnother(_ change: Change) -> Sentence {
        let (by, people) = (Phrase.text(change.by.name), change.named)
        return switch change.what {
        case .founded: Sentence("change.founded", by)
        case .joined: Sentence("change.joined")
        case .added: Sentence("change.added", by, people)
        case .removed: Sentence("change.removed", by, people)
        case .deviceAdded: Sentence("change.device_added", people)
        case .deviceRemoved: Sentence("change.device_removed", people)
        case .left: Sentence("change.left", by)
        case .roleSet(_, .owner): Sentence("change.role_owner", by, people)
        case .roleSet(_, .admin): Sentence("change.role_admin", by, people)
        case .roleSet: Sentence("change.role_member", by, people)
        case .renamed(let name): Sentence("change.renamed", by, .text(name))
        case .topicSet(let topic): Sentence("change.topic", by, .text(topic))
        case .settingsChanged: Sentence("change.settings", by)
        case .returned: Sentence("change.returned", by)
        case .lostSecrets: Sentence("change.lost_secrets", by)
        case .gap: Sentence("change.gap")
        case .fork: Sentence("change.fork", by)
        case .putBack: Sentence("change.put_back")
        }
    }

    /// What this person did; nil where it is said alike of everybody.
    private static func own(_ change: Change) -> Sentence? {
        let isToSelf = change.names(change.by.id)
        return switch change.what {
        case .founded: Sentence("change.you_founded")
        case .added: Sentence("change.you_added", change.named)
        case .removed: Sentence("change.you_removed", change.named)
        case .deviceAdded: isToSelf ? Sentence("change.you_device_added") : nil
        case .deviceRemoved: isToSelf ? Sentence("change.you_device_removed") : nil
        case .left: Sentence("change.you_left")
        case .roleSet(_, .owner): Sentence("change.you_role_owner", change.named)
        case .roleSet(_, .admin): Sentence("change.you_role_admin", change.named)
        case .roleSet: Sentence("change.you_role_member", change.named)
        case .renamed(let name): Sentence("change.you_renamed", .text(name))
        case .topicSet(let topic): Sentence("change.you_topic", .text(topic))
        case .settingsChanged: Sentence("change.you_settings")
        case .returned: Sentence("change.you_returned")
        case .joined, .lostSecrets, .gap, .fork, .putBack: nil
        }
    }

    /// What somebody else did to this person alone.
    private static func toMe(_ change: Change) -> Sentence? {
        let by = Phrase.text(change.by.name)
        return switch change.what {
        case .added: Sentence("change.added_you", by)
        case .removed: Sentence("change.removed_you", by)
        case .deviceAdded: Sentence("change.you_device_added")
        case .deviceRemoved: Sentence("change.you_device_removed")
        case .roleSet(_, .owner): Sentence("change.role_owner_you", by)
        case .roleSet(_, .admin): Sentence("change.role_admin_you", by)
        case .roleSet: Sentence("change.role_member_you", by)
        default: nil
        }
    }
}

extension Change {
    /// Whether it names this person alone.
    fileprivate func names(_ person: PersonId?) -> Bool { people.count == 1 && people[0].id == person }

    /// Those whom it names, as the language lists them.
    fileprivate var named: Phrase { .list(people.map { .text($0.name) }) }
}
