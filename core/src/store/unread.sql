-- Messages of others, so that the unread are counted without reading them.
create index unread_of on items(conversation, pos) where not mine and kind <> 2 and deleted_by is null;
