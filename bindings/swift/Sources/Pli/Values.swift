public import PliNative

// Values, enums and errors are used as the generator writes them; the objects below the faces stay below.

public typealias Advice = PliNative.Advice
public typealias Change = PliNative.Change
public typealias ClientState = PliNative.ClientState
public typealias Content = PliNative.Content
public typealias ConversationId = PliNative.ConversationId
public typealias ConversationInfo = PliNative.ConversationInfo
public typealias ConversationKind = PliNative.ConversationKind
public typealias Deed = PliNative.Deed
public typealias DeedKind = PliNative.DeedKind
public typealias DeliveryState = PliNative.DeliveryState
public typealias DeviceId = PliNative.DeviceId
public typealias DeviceInfo = PliNative.DeviceInfo
public typealias ItemId = PliNative.ItemId
public typealias FileKeyStore = PliNative.FileKeyStore
public typealias InvitationProblem = PliNative.InvitationProblem
public typealias KeyProblem = PliNative.KeyProblem
public typealias KeyStore = PliNative.KeyStore
public typealias LeastRoles = PliNative.LeastRoles
public typealias Member = PliNative.Member
public typealias Membership = PliNative.Membership
public typealias Message = PliNative.Message
public typealias MessageNotice = PliNative.MessageNotice
public typealias Permission = PliNative.Permission
public typealias Person = PliNative.Person
public typealias PersonId = PliNative.PersonId
public typealias PersonInfo = PliNative.PersonInfo
public typealias PliError = PliNative.PliError
public typealias Quote = PliNative.Quote
public typealias Reaction = PliNative.Reaction
public typealias Refusal = PliNative.Refusal
public typealias Role = PliNative.Role
public typealias Subject = PliNative.Subject
public typealias SyncResult = PliNative.SyncResult
public typealias TimelineItem = PliNative.TimelineItem
public typealias Verification = PliNative.Verification
public typealias Warning = PliNative.Warning
public typealias What = PliNative.What

extension TimelineItem: Identifiable {
    /// The item's id, whatever it is.
    public var id: ItemId {
        switch self {
        case .said(let message): message.id
        case .changed(let change): change.id
        }
    }
}

extension Message: Identifiable {}
extension Person: Identifiable {}
extension ConversationInfo: Identifiable {}
