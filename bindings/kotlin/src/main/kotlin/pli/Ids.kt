package pli

/** Which person. The same everywhere and for ever; opaque. */
@JvmInline
value class PersonId(val text: String) {
    override fun toString() = text
}

/** Which device. */
@JvmInline
value class DeviceId(val text: String) {
    override fun toString() = text
}

/** Which conversation. */
@JvmInline
value class ConversationId(val text: String) {
    override fun toString() = text
}

/** Which item of a conversation: a message or a change. The same from the moment that it waits in the outbox. */
@JvmInline
value class ItemId(val text: String) {
    override fun toString() = text
}

/** The item's id, whatever it is. */
val TimelineItem.id: ItemId
    get() = when (this) {
        is TimelineItem.Said -> message.id
        is TimelineItem.Changed -> change.id
    }
