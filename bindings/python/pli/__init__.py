"""Pli, an end-to-end encrypted messenger that an administration runs itself: for bots and administrators' scripts."""

from ._client import Client, Conversation, Timeline
from ._ids import ConversationId, DeviceId, ItemId, PersonId
from ._streams import Stream
from .pli import (
    Advice,
    Change,
    ClientState,
    Content,
    ConversationInfo,
    ConversationKind,
    Deed,
    DeedKind,
    DeliveryState,
    DeviceInfo,
    FileKeyStore,
    InvitationProblem,
    KeyProblem,
    KeyStore,
    LeastRoles,
    Member,
    Membership,
    Message,
    MessageNotice,
    Permission,
    Person,
    PersonInfo,
    PliError,
    Quote,
    Reaction,
    Refusal,
    Role,
    Subject,
    SyncResult,
    TimelineItem,
    Verification,
    Warning,
    What,
)

__all__ = [
    "Advice", "Change", "Client", "ClientState", "Content", "Conversation", "ConversationId", "ConversationInfo",
    "ConversationKind", "Deed", "DeedKind", "DeliveryState", "DeviceId", "DeviceInfo", "ItemId", "FileKeyStore", "InvitationProblem",
    "KeyProblem", "KeyStore", "LeastRoles", "Member", "Membership", "Message", "MessageNotice", "Permission", "Person",
    "PersonId", "PersonInfo", "PliError", "Quote", "Reaction", "Refusal", "Role", "Stream", "Subject", "SyncResult", "Timeline", "TimelineItem",
    "Verification", "Warning", "What",
]
