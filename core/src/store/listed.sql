-- Revocations: those of the list, and those that only an earlier list had, before the server was put back to an older copy.
create table lines(
    certificate blob primary key, number integer not null, line blob not null, listed integer not null default 1
) without rowid;
insert into lines(certificate, number, line) select certificate, number, line from revocations;
drop table revocations;
alter table lines rename to revocations;
create index revocations_listed on revocations(number) where listed;
