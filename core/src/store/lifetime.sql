-- What came before this has no end: no version without it was released.
-- Items, and relations that wait for theirs, go when their time is over: by the server's clock; 0: never.
alter table items add column expires_ms integer not null default 0;
alter table early add column expires_ms integer not null default 0;
create index items_ending on items(expires_ms) where expires_ms > 0;
create index early_ending on early(expires_ms) where expires_ms > 0;
-- What is over is not shown, though it is not destroyed yet. Whatever shows, counts or tells of items reads this.
create view shown as select * from items where expires_ms = 0 or expires_ms > now_ms();
drop index unread_of;
create index unread_of on items(conversation, pos, expires_ms) where not mine and kind <> 2 and deleted_by is null;
