-- The running hash that the server's answer to an attempt named, to compare with what the log then shows.
alter table attempts add column answer blob;
