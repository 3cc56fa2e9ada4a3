-- Reads only: one read-only transaction; writes JSON lines to the current folder.
-- Run with: psql -XAtq -d DATABASE -f THIS-FILE
\set ON_ERROR_STOP off
\set ON_ERROR_ROLLBACK on
\set FETCH_COUNT 1000
\pset format unaligned
\pset tuples_only on
set client_encoding to 'UTF8';
set TimeZone to 'UTC';
set DateStyle to 'ISO, YMD';
set IntervalStyle to 'postgres';
set extra_float_digits to '1';
set bytea_output to 'hex';
set search_path to 'pg_catalog';
set row_security to 'off';
set statement_timeout to '15min';
set lock_timeout to '10s';
set idle_in_transaction_session_timeout to '0';
set application_name to 'recon';
begin isolation level repeatable read read only;
\o 'rows.ml.lineage.jsonl'
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'rows' as capture,
       (select system_identifier::text from pg_control_system()) as system_identifier,
       current_database() as database, current_user as "user",
       current_setting('server_version_num')::int as version,
       pg_is_in_recovery() as in_recovery, pg_current_snapshot()::text as snapshot,
       now() as started, clock_timestamp() as read,
       'ml' as schema, 'lineage' as "table",
       (select json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) order by a.attnum)
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'ml' and c.relname = 'lineage'
          and a.attnum > 0 and not a.attisdropped) as types) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select "the whole row".tableoid::bigint as tableoid, "the whole row".ctid::text as ctid,
       "the whole row".xmin::text::bigint as xmin, "the whole row".cmin::text::bigint as cmin,
       case when current_setting('track_commit_timestamp') = 'on'
            then pg_xact_commit_timestamp("the whole row".xmin) end as committed,
       row_to_json("the whole row") as "row"
from "ml"."lineage" as "the whole row" ) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (select 'rows' as end, count(*) as rows from "ml"."lineage") line;
\o 'rows.ml.evaluations.jsonl'
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'rows' as capture,
       (select system_identifier::text from pg_control_system()) as system_identifier,
       current_database() as database, current_user as "user",
       current_setting('server_version_num')::int as version,
       pg_is_in_recovery() as in_recovery, pg_current_snapshot()::text as snapshot,
       now() as started, clock_timestamp() as read,
       'ml' as schema, 'evaluations' as "table",
       (select json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) order by a.attnum)
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'ml' and c.relname = 'evaluations'
          and a.attnum > 0 and not a.attisdropped) as types) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select "the whole row".tableoid::bigint as tableoid, "the whole row".ctid::text as ctid,
       "the whole row".xmin::text::bigint as xmin, "the whole row".cmin::text::bigint as cmin,
       case when current_setting('track_commit_timestamp') = 'on'
            then pg_xact_commit_timestamp("the whole row".xmin) end as committed,
       row_to_json("the whole row") as "row"
from "ml"."evaluations" as "the whole row" ) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (select 'rows' as end, count(*) as rows from "ml"."evaluations") line;
\o 'rows.ml.deployments.jsonl'
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'rows' as capture,
       (select system_identifier::text from pg_control_system()) as system_identifier,
       current_database() as database, current_user as "user",
       current_setting('server_version_num')::int as version,
       pg_is_in_recovery() as in_recovery, pg_current_snapshot()::text as snapshot,
       now() as started, clock_timestamp() as read,
       'ml' as schema, 'deployments' as "table",
       (select json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) order by a.attnum)
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'ml' and c.relname = 'deployments'
          and a.attnum > 0 and not a.attisdropped) as types) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select "the whole row".tableoid::bigint as tableoid, "the whole row".ctid::text as ctid,
       "the whole row".xmin::text::bigint as xmin, "the whole row".cmin::text::bigint as cmin,
       case when current_setting('track_commit_timestamp') = 'on'
            then pg_xact_commit_timestamp("the whole row".xmin) end as committed,
       row_to_json("the whole row") as "row"
from "ml"."deployments" as "the whole row" ) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (select 'rows' as end, count(*) as rows from "ml"."deployments") line;
\o 'catalogue.jsonl'
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'catalogue' as capture,
       (select system_identifier::text from pg_control_system()) as system_identifier,
       current_database() as database, current_user as "user",
       current_setting('server_version_num')::int as version,
       pg_is_in_recovery() as in_recovery, pg_current_snapshot()::text as snapshot,
       now() as started, clock_timestamp() as read) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'relation' as what, t.nspname as schema, t.relname as "table",
       case when c.oid = t.oid then 'table' when c.oid = t.reltoastrelid then 'toast'
            else 'index' end as role,
       c.oid::bigint as oid, n.nspname as own_schema, c.relname as name,
       c.relkind::text as relkind, c.relfilenode::bigint as relfilenode,
       pg_relation_filepath(c.oid) as file, c.xmin::text::bigint as xmin,
       pg_get_userbyid(c.relowner) as owner
from (
select c.oid, c.reltoastrelid, n.nspname, c.relname from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where (n.nspname, c.relname) in (('ml', 'lineage'), ('ml', 'evaluations'), ('ml', 'deployments'))) t
join pg_class c on c.oid = t.oid or c.oid = t.reltoastrelid
  or c.oid in (select indexrelid from pg_index where indrelid in (t.oid, t.reltoastrelid))
join pg_namespace n on n.oid = c.relnamespace
order by t.nspname, t.relname, c.oid) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'attribute' as what, t.nspname as schema, t.relname as "table", t.oid::bigint as oid,
       a.attnum, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       a.attisdropped as dropped, a.xmin::text::bigint as xmin
from (
select c.oid, c.reltoastrelid, n.nspname, c.relname from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where (n.nspname, c.relname) in (('ml', 'lineage'), ('ml', 'evaluations'), ('ml', 'deployments'))) t join pg_attribute a on a.attrelid = t.oid
order by t.nspname, t.relname, a.attnum) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'constraint' as what, t.nspname as schema, t.relname as "table", c.oid::bigint as oid,
       c.conname as name, c.contype::text as type, c.xmin::text::bigint as xmin
from (
select c.oid, c.reltoastrelid, n.nspname, c.relname from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where (n.nspname, c.relname) in (('ml', 'lineage'), ('ml', 'evaluations'), ('ml', 'deployments'))) t join pg_constraint c on c.conrelid = t.oid
order by t.nspname, t.relname, c.conname) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (select 'catalogue' as end, null::bigint as rows) line;
\o 'statistics.jsonl'
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'statistics' as capture,
       (select system_identifier::text from pg_control_system()) as system_identifier,
       current_database() as database, current_user as "user",
       current_setting('server_version_num')::int as version,
       pg_is_in_recovery() as in_recovery, pg_current_snapshot()::text as snapshot,
       now() as started, clock_timestamp() as read) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'table' as what, s.schemaname as schema, s.relname as "table", s.*
from pg_stat_user_tables s where (s.schemaname, s.relname) in (('ml', 'lineage'), ('ml', 'evaluations'), ('ml', 'deployments'))
order by s.schemaname, s.relname) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'database' as what, s.* from pg_stat_database s where s.datname = current_database()) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (select 'archiver' as what, s.* from pg_stat_archiver s) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (select 'statistics' as end, null::bigint as rows) line;
\o 'control.jsonl'
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'control' as capture,
       (select system_identifier::text from pg_control_system()) as system_identifier,
       current_database() as database, current_user as "user",
       current_setting('server_version_num')::int as version,
       pg_is_in_recovery() as in_recovery, pg_current_snapshot()::text as snapshot,
       now() as started, clock_timestamp() as read) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'server' as what, version() as version, pg_postmaster_start_time() as started,
       pg_conf_load_time() as configured,
       case when not pg_is_in_recovery()
            then pg_walfile_name(pg_current_wal_insert_lsn()) end as wal_file,
       case when current_setting('track_commit_timestamp') = 'on' and not pg_is_in_recovery()
            then (select row_to_json(l) from pg_last_committed_xact() l) end as last_committed) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (select 'control-system' as what, s.* from pg_control_system() s) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (select 'control-checkpoint' as what, c.* from pg_control_checkpoint() c) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (
select 'setting' as what, name, setting, source from pg_settings
where name in ('archive_mode', 'server_version', 'track_commit_timestamp', 'wal_level',
               'wal_segment_size', 'data_checksums', 'log_timezone', 'vacuum_freeze_min_age')
   or name like 'recovery\_target%'
order by name) line;
select translate(row_to_json(line)::text, E'\n\r', '  ') from (select 'control' as end, null::bigint as rows) line;
\o
commit;
