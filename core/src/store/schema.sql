-- The store of one device. Times are milliseconds since 1970 unless said otherwise; ids are 16 bytes.

create table meta(key text primary key, value blob not null) without rowid;

-- The organisation's directory, whole.
create table people(
    id blob primary key, name text not null, department text not null,
    guest_until_ms integer not null, departed integer not null
) without rowid;
create table devices(
    id blob primary key, person blob not null, mls_key blob not null, enrolled_ms integer not null,
    revoked integer not null
) without rowid;
create index devices_of on devices(person);
-- Revocations: those of the list, and those that only an earlier list had, before the server was put back to an older copy.
create table revocations(
    certificate blob primary key, number integer not null, line blob not null, listed integer not null default 1
) without rowid;
create index revocations_listed on revocations(number) where listed;
-- Issuers that ended, and the fingerprints of the certificates that stayed good.
create table issuers(number integer primary key, issuer blob not null unique, ended blob not null);
create table kept(number integer not null, certificate blob not null, primary key(number, certificate)) without rowid;
-- The safety numbers that a person compared: the other's devices' keys at the time.
create table verified(person blob primary key, number text not null) without rowid;

create table conversations(
    id blob primary key,
    peer blob,                          -- a pair's other person; null in a group
    name text not null default '',
    muted_until_ms integer not null default 0,
    draft text not null default '',
    read_pos integer not null default 0,    -- items up to this one were seen
    active_ms integer not null default 0    -- when something was last said
) without rowid;

-- One MLS group each. A pair may have two.
create table logs(
    log blob primary key,
    conversation blob not null,
    generation integer not null,        -- of a pair's logs the one with the highest is written
    state integer not null,
    log_key blob not null,
    number integer not null,            -- the last entry that was received,
    hash blob not null,                 -- and the running hash there
    commit_number integer not null,     -- the log's last commit, whether it counts or not,
    commit_hash blob not null,          -- and the running hash there
    snapshot_number integer not null,   -- the newest snapshot known to stand
    commit_bytes integer not null,      -- size of the commits since
    update_ms integer not null,         -- when our next empty update is due
    mend_ms integer not null default 0, -- when to commit because something is wrong; 0 if nothing is
    return_ms integer not null default 0,   -- when to try to come back
    commit_ms integer not null default 0,   -- no commits of our own before then: the server's budget is spent
    rows_ms integer not null default 0,     -- when to state all rows, for others stand; 0 if those stand that are asked
    rows_after_ms integer not null default 0,   -- not before then, for it was done lately,
    rows_pause_ms integer not null default 0,   -- and so long before that
    rows_told blob,                     -- the digest of other rows for which it did, or will
    rows_compared blob                  -- the last digest that was compared, and the state with whose rows
) without rowid;
-- The GroupInfo beside the last commit of each log that counts.
create table group_infos(log blob primary key, group_info blob not null);
-- Invitations to logs, until they were followed or led nowhere. They change nothing before.
create table invitations(
    log blob not null, digest blob not null, number integer not null, invitation blob not null, primary key(log, digest));
create index logs_of on logs(conversation);
-- What lists and screens show of a group, so that they need not load it. JSON.
create table summaries(log blob primary key, summary text not null, members text not null);
-- Running hashes, to compare with what others have seen.
create table hashes(
    log blob not null, number integer not null, hash blob not null, primary key(log, number)
) without rowid;
-- Words of leavers whose leaves are still there.
create table leavers(log blob not null, leaf_key blob not null, word blob not null, primary key(log, leaf_key))
    without rowid;

create table items(
    pos integer primary key autoincrement,
    conversation blob not null,
    entry blob not null,                -- the item's id: unique within a conversation only
    log blob not null,
    number integer not null,
    by blob not null,
    mine integer not null,
    sent_ms integer not null,
    received_ms integer not null,
    kind integer not null,
    body blob not null,                 -- the content or change, protobuf or JSON by kind
    edited_ms integer not null default 0,
    edited_in blob,                     -- the precedence of the log that the edit is in
    deleted_by blob,
    expires_ms integer not null default 0,  -- when it goes, by the server's clock; 0: never
    unique(conversation, entry)
);
create index items_of on items(conversation, pos);
create index items_ending on items(expires_ms) where expires_ms > 0;
-- What is over is not shown, though it is not destroyed yet, nor what is kept hidden for a later version. Whatever shows,
-- counts or tells of items reads this.
create view shown as select * from items where kind <> 5 and (expires_ms = 0 or expires_ms > now_ms());
-- Messages of others, so that the unread are counted without reading them.
create index unread_of on items(conversation, pos, expires_ms, kind) where not mine and kind <> 2 and deleted_by is null;
-- One for each person; empty once it was taken back.
create table reactions(
    conversation blob not null, entry blob not null, person blob not null, emoji text not null,
    within blob not null,               -- the precedence of the log that it is in
    primary key(conversation, entry, person)
) without rowid;
-- What the person asked for and is not in the log yet.
create table intents(
    id integer primary key,
    conversation blob not null,
    entry blob not null,                -- the id of the item that it is, or of nothing that is shown
    log blob,                           -- the log that it goes to; null: the one that is written now
    body blob not null,                 -- postcard
    created_ms integer not null,
    after_ms integer not null default 0,    -- not before then
    tries integer not null default 0,
    refused blob,                       -- postcard: why it was given up
    about blob,                         -- the message that it edits, deletes or reacts to
    unique(conversation, entry)
);
create index intents_of on intents(conversation, id);
create index intents_about on intents(conversation, about) where about is not null;
-- Entries that are sealed and perhaps sent, in the order of each log: few, so that one is found among them without an
-- index. They are resent as they are.
create table attempts(
    id integer primary key,
    log blob not null,
    entry blob not null,                -- of the intent, if it is for one
    made blob not null,                 -- the SHA-256 of the MLS message, by which the log shows it
    bytes blob not null,
    is_commit integer not null,
    acked integer not null default 0,
    answer blob,                        -- the running hash that the server's answer named
    deliveries blob not null,           -- postcard: welcomes to deliver once the entry is in the log
    unique(log, entry)
);
create index attempts_of on attempts(log, id);
create table deliveries(
    id blob primary key, device blob not null, sealed blob not null,
    after_ms integer not null default 0,    -- not before then
    tries integer not null default 0
) without rowid;
create index deliveries_due on deliveries(after_ms, id);
