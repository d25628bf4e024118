-- Issuers that ended, and the fingerprints of the certificates that stayed good.
create table issuers(number integer primary key, issuer blob not null unique, ended blob not null);
create table kept(number integer not null, certificate blob not null, primary key(number, certificate)) without rowid;
