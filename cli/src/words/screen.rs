//! What the chat's screen says.

super::words! {
    ONLINE: "online", "en ligne";
}
