-- Statements of tabstream.postgres, called by name. Fields in braces are filled with identifiers and types.

-- lock_installation: one installation at a time, until the transaction ends
SELECT pg_advisory_xact_lock(%s);

-- has_format_version: whether the schema tabstream has been made
SELECT to_regclass('tabstream.format_version') IS NOT NULL;

-- read_format_version: the format of the schema tabstream
SELECT version FROM tabstream.format_version;

-- is_truncate_watched: a row if the table has the trigger
SELECT 1 FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname = %s;

-- watch_truncate: announces every truncate of the table
CREATE TRIGGER {trigger} AFTER TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION tabstream.announce_truncate();

-- find_table: a table's id and kind, and whether this role may use it
SELECT c.oid, c.relkind::text, has_table_privilege(c.oid, 'SELECT'), has_any_column_privilege(c.oid, 'UPDATE')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s;

-- table_columns: the columns of a table in their order; a domain counts as the type that it is made of
WITH RECURSIVE columns AS (
    SELECT a.attnum, a.attname, a.atttypid AS type_id, a.atttypmod AS modifier, a.attnotnull AS needed, a.atthasdef,
           a.attidentity::text AS identity, a.attgenerated::text AS generated
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT c.attnum, c.attname, t.typbasetype, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE c.modifier END,
           c.needed OR t.typnotnull, c.atthasdef OR t.typdefault IS NOT NULL, c.identity, c.generated
    FROM columns c JOIN pg_catalog.pg_type t ON t.oid = c.type_id
    WHERE t.typtype = 'd'
)
SELECT c.attname, format_type(c.type_id, c.modifier), c.needed, c.atthasdef, c.identity, c.generated,
       coalesce((SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e
                 WHERE e.enumtypid IN (t.oid, t.typelem)), '{}')
FROM columns c JOIN pg_catalog.pg_type t ON t.oid = c.type_id
WHERE t.typtype <> 'd'
ORDER BY c.attnum;

-- key_columns: the columns of the primary key in its order
SELECT a.attname
FROM pg_catalog.pg_index i
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = %s AND i.indisprimary
ORDER BY k.position;

-- may_read_identity: whether this role may ask which database system this is
SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE');

-- read_identity: the database system's identifier and its timeline
SELECT s.system_identifier || '/' || c.timeline_id FROM pg_control_system() s, pg_control_checkpoint() c;

-- signal_snapshot: asks the connector for an incremental snapshot
INSERT INTO tabstream.debezium_signal (id, type, data) VALUES (%s, 'execute-snapshot', %s);

-- read_slot: whether a replication slot is read and whole, where its reader is, and how much is kept for it
SELECT s.active, coalesce(s.wal_status, '') = 'lost', s.confirmed_flush_lsn::text,
       pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint,
       pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint, coalesce(s.wal_status, ''),
       s.database IS NOT DISTINCT FROM current_database()
FROM pg_replication_slots s WHERE s.slot_name = %s;

-- drop_slot: drops a replication slot where it is there
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s;

-- read_server: what the server and this role are set up for; who may replicate on Amazon's service is in a role of its own
SELECT current_database(), current_user, current_setting('wal_level'), current_setting('track_commit_timestamp') = 'on',
       current_setting('max_replication_slots')::int,
       current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots)::int,
       (SELECT setting::bigint * 1048576 FROM pg_settings WHERE name = 'max_slot_wal_keep_size' AND setting::bigint >= 0),
       r.rolreplication OR r.rolsuper OR EXISTS (
           SELECT 1 FROM pg_roles g WHERE g.rolname = 'rds_replication' AND pg_has_role(g.oid, 'MEMBER')),
       has_database_privilege(current_database(), 'CREATE'), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
FROM pg_roles r WHERE r.rolname = current_user;

-- read_publication: what a publication publishes, and whether this role may change it
SELECT array_remove(ARRAY[CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
                          CASE WHEN p.pubdelete THEN 'delete' END], NULL),
       pg_get_userbyid(p.pubowner), pg_has_role(p.pubowner, 'USAGE'),
       ARRAY(SELECT t.schemaname || '.' || t.tablename FROM pg_publication_tables t WHERE t.pubname = p.pubname)
FROM pg_publication p WHERE p.pubname = %s;

-- read_table_facts: how a table is identified in the write-ahead log, and what this role may do with it
SELECT c.relkind::text, c.relreplident::text, o.rolname, o.rolsuper, pg_has_role(c.relowner, 'USAGE'),
       has_schema_privilege(n.oid, 'USAGE'),
       array_remove(ARRAY[
           CASE WHEN NOT has_table_privilege(c.oid, 'SELECT') THEN 'SELECT' END,
           CASE WHEN NOT has_any_column_privilege(c.oid, 'INSERT') THEN 'INSERT' END,
           CASE WHEN NOT has_any_column_privilege(c.oid, 'UPDATE') THEN 'UPDATE' END,
           CASE WHEN NOT has_table_privilege(c.oid, 'DELETE') THEN 'DELETE' END], NULL),
       EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary),
       (SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
        WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
          AND i.indpred IS NULL AND i.indexprs IS NULL
          AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)
          AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[])
                          AND NOT a.attnotnull)
        ORDER BY i.indnatts, x.relname LIMIT 1),
       EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'tabstream_truncate' AND t.tgenabled <> 'D')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
WHERE n.nspname = %s AND c.relname = %s;

-- read_own_schema: the schema tabstream: its columns, what another role owns of it, what this role may not do with it
SELECT has_schema_privilege(n.oid, 'USAGE'),
       ARRAY(SELECT ARRAY[c.relname::text, a.attname::text] FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = n.oid AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped),
       ARRAY(SELECT ARRAY['SCHEMA', n.nspname::text] WHERE NOT pg_has_role(n.nspowner, 'USAGE')
             UNION ALL
             SELECT ARRAY[CASE c.relkind WHEN 'r' THEN 'TABLE' ELSE 'SEQUENCE' END, c.relname::text] FROM pg_class c
             WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'S') AND NOT pg_has_role(c.relowner, 'USAGE')
               AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i')
             UNION ALL
             SELECT ARRAY['FUNCTION', f.proname::text] FROM pg_proc f
             WHERE f.pronamespace = n.oid AND NOT pg_has_role(f.proowner, 'USAGE')),
       ARRAY(SELECT ARRAY[c.relname::text, p.privilege] FROM pg_class c
             CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p(privilege)
             WHERE c.relnamespace = n.oid AND c.relkind = 'r' AND NOT has_table_privilege(c.oid, p.privilege)
             UNION ALL
             SELECT ARRAY[c.relname::text, p.privilege] FROM pg_class c
             CROSS JOIN unnest(ARRAY['USAGE', 'UPDATE']) AS p(privilege)
             WHERE c.relnamespace = n.oid AND c.relname = 'decision_number' AND NOT has_sequence_privilege(c.oid, p.privilege))
FROM pg_namespace n WHERE n.nspname = 'tabstream';

-- published: whether a publication has a table
SELECT 1 FROM pg_publication_tables WHERE pubname = %s AND schemaname = %s AND tablename = %s;

-- has_rows: whether a table has a row, as far as this role may see
SELECT EXISTS (SELECT FROM {table});

-- commit_timestamps: whether the server keeps the commit time of transactions
SELECT current_setting('track_commit_timestamp') = 'on';

-- select_rows: rows by their keys, each with its key's number from 1 and the time of its last change
SELECT e.ord, {changed}, {columns}
FROM unnest({arrays}) WITH ORDINALITY AS e({names}) JOIN {table} AS t ON {matches}
{lock};

-- sample_rows: some rows, as texts
SELECT {columns} FROM {table} AS t LIMIT %s;

-- all_rows: the whole table, as texts
SELECT {columns} FROM {table} AS t;

-- read_position: the end of the write-ahead log and the server's time (ms since 1970), and lets the transaction rest for as long
-- as the tab is being read; a commit may be visible before it is written out, so that the end of what is inserted counts
SELECT pg_current_wal_insert_lsn()::text, (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
       set_config('idle_in_transaction_session_timeout', '0', true);

-- changed_by_column: microseconds since 1970 by the binding's own column; one without zone is taken as UTC
CASE WHEN isfinite({column}) THEN (extract(epoch FROM {column}) * 1000000)::bigint END;

-- changed_by_commit: microseconds since 1970 of the commit that wrote the row, NULL if that is forgotten
(extract(epoch FROM pg_xact_commit_timestamp(t.xmin)) * 1000000)::bigint;

-- changed_unknown: where nobody asks
NULL::bigint;

-- update_rows: writes the same columns of many rows; returns the numbers (from 1) of those that were written
UPDATE {table} AS t SET {changes}
FROM unnest({arrays}) WITH ORDINALITY AS e({names})
WHERE {matches}
RETURNING e.ord;

-- delete_rows: deletes many rows; returns the numbers (from 1) of those that were there
DELETE FROM {table} AS t USING unnest({arrays}) WITH ORDINALITY AS e({names})
WHERE {matches}
RETURNING e.ord;

-- insert_row: adds a row; a row that comes back may bring the value of an identity column
INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({values}) RETURNING {returned};

-- insert_defaults: adds a row of nothing but defaults
INSERT INTO {table} DEFAULT VALUES RETURNING {returned};

-- take_numbers: the next decision numbers
SELECT nextval('tabstream.decision_number') FROM generate_series(1, %s);

-- raise_numbers: never below a number that a mark holds already, as after a restore of the database
SELECT setval('tabstream.decision_number', %s);

-- read_registers: the cell registers of rows
SELECT r.binding, r.row_key, r.column_name, r.base, r.value, r.read_end_ms, r.number, r.outcome, r.reason,
       r.applied_value, r.applied_number, r.applied_base, r.applied_shown, r.first_seen
FROM tabstream.cell_register r
JOIN unnest(%s::text[], %s::text[]) AS k(binding, row_key) ON r.binding = k.binding AND r.row_key = k.row_key;

-- write_registers: keeps cell registers
INSERT INTO tabstream.cell_register (binding, row_key, column_name, base, value, read_end_ms, number, outcome, reason,
                                     applied_value, applied_number, applied_base, applied_shown, first_seen)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[],
                     %s::text[], %s::text[], %s::bigint[], %s::text[], %s::bigint[], %s::jsonb[])
ON CONFLICT (binding, row_key, column_name) DO UPDATE SET
    base = excluded.base, value = excluded.value, read_end_ms = excluded.read_end_ms, number = excluded.number,
    outcome = excluded.outcome, reason = excluded.reason, applied_value = excluded.applied_value,
    applied_number = excluded.applied_number, applied_base = excluded.applied_base,
    applied_shown = excluded.applied_shown, first_seen = excluded.first_seen, decided_at = clock_timestamp();

-- read_once: what inserts, deletes and returns were answered before
SELECT r.binding, r.row_key, r.kind, r.partition, r."offset", r.read_end_ms, r.answers
FROM tabstream.row_register r
JOIN unnest(%s::text[], %s::text[], %s::text[], %s::integer[], %s::bigint[]) AS k(binding, row_key, kind, partition, "offset")
    USING (binding, row_key, kind, partition, "offset");

-- write_once: keeps what an insert, delete or return was answered
INSERT INTO tabstream.row_register (binding, row_key, kind, partition, "offset", read_end_ms, answers)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::integer[], %s::bigint[], %s::bigint[], %s::jsonb[])
ON CONFLICT (binding, row_key, kind, partition, "offset") DO UPDATE SET
    read_end_ms = excluded.read_end_ms, answers = excluded.answers, decided_at = clock_timestamp();

-- write_claims: the claims of this transaction, before its rows
INSERT INTO tabstream.edit_result (binding, row_key, kind, keys)
SELECT c.binding, '', 'claim', c.keys FROM unnest(%s::text[], %s::jsonb[]) AS c(binding, keys);

-- write_answers: the answers of this transaction, after its rows, in the order given; a row that was read without a lock
-- is no newer than any change
INSERT INTO tabstream.edit_result (binding, row_key, kind, answers, row_data, row_lsn)
SELECT a.binding, a.row_key, 'answer', a.answers, a.row_data,
       CASE WHEN a.exact THEN pg_current_wal_insert_lsn()::text ELSE '0/0' END
FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::jsonb[], %s::boolean[]) WITH ORDINALITY
    AS a(binding, row_key, answers, row_data, exact, ord)
ORDER BY a.ord;

-- write_conflicts: conflicts on record; times are microseconds since 1970
INSERT INTO tabstream.conflict (binding, row_key, column_name, sheet_value, database_value, winner, rule, number,
                                first_seen_at, database_changed_at)
SELECT c.binding, c.row_key, c.column_name, c.sheet_value, c.database_value, c.winner, c.rule, c.number,
       to_timestamp(c.first_seen_us / 1000000.0), to_timestamp(c.changed_us / 1000000.0)
FROM unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[], %s::jsonb[], %s::text[], %s::text[], %s::bigint[],
            %s::bigint[], %s::bigint[])
    AS c(binding, row_key, column_name, sheet_value, database_value, winner, rule, number, first_seen_us, changed_us);

-- write_held: values that wait for a person
INSERT INTO tabstream.held (binding, row_key, column_name, sheet_value, database_value, number)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[], %s::jsonb[], %s::bigint[])
ON CONFLICT (binding, row_key, column_name) DO UPDATE SET
    sheet_value = excluded.sheet_value, database_value = excluded.database_value, number = excluded.number,
    held_at = clock_timestamp();

-- drop_held: values that a later decision on the same cell has made pointless
DELETE FROM tabstream.held h USING unnest(%s::text[], %s::text[], %s::text[]) AS k(binding, row_key, column_name)
WHERE h.binding = k.binding AND h.row_key = k.row_key AND h.column_name = k.column_name;

-- list_conflicts: conflicts on record, the newest first, each with how many there are
SELECT count(*) OVER (), binding, row_key, column_name, sheet_value, database_value, winner, rule, number,
       first_seen_at, database_changed_at, decided_at
FROM tabstream.conflict
WHERE (%(binding)s::text IS NULL OR binding = %(binding)s)
  AND (%(since_us)s::bigint IS NULL OR decided_at >= to_timestamp(%(since_us)s / 1000000.0))
ORDER BY decided_at DESC, id DESC LIMIT %(limit)s;

-- bindings_with_conflicts: the bindings that have conflicts on record
SELECT DISTINCT binding FROM tabstream.conflict ORDER BY binding;

-- list_held: values that wait for a person, the oldest first; of one binding where it is given
SELECT binding, row_key, column_name, sheet_value, database_value, number, held_at
FROM tabstream.held WHERE (%(binding)s::text IS NULL OR binding = %(binding)s) ORDER BY held_at, binding, row_key, column_name;

-- take_held: the value that waits for a cell; it waits no longer
DELETE FROM tabstream.held WHERE binding = %s AND row_key = %s AND column_name = %s
RETURNING binding, row_key, column_name, sheet_value, database_value, number, held_at;

-- settle_register: what has become of a held value, for repeats of its edit; what the person was looking at
UPDATE tabstream.cell_register SET outcome = %s, number = %s
WHERE binding = %s AND row_key = %s AND column_name = %s AND number = %s
RETURNING base;

-- settle_conflict: who has won in the end
UPDATE tabstream.conflict SET winner = %s
WHERE binding = %s AND row_key = %s AND column_name = %s AND number = %s AND winner = 'held';

-- all_constraints_now: deferred constraints are checked here, not at the commit
SET CONSTRAINTS ALL IMMEDIATE;

-- limit_lock_waits: for this transaction, in milliseconds
SELECT set_config('lock_timeout', %s, true);

-- lock_replay: true where this session has the right to replay edits now, until it ends
SELECT pg_try_advisory_lock(%s);

-- unlock_replay: gives that right back
SELECT pg_advisory_unlock(%s);

-- begin_progress: makes sure that a partition has a progress
INSERT INTO tabstream.progress (topic_id, partition, next_offset) VALUES (%s, %s, 0) ON CONFLICT DO NOTHING;

-- read_progress: the next offset of a partition
SELECT next_offset FROM tabstream.progress WHERE topic_id = %s AND partition = %s;

-- advance_progress: moves progress on where it is still as expected; a row for each partition that moved
UPDATE tabstream.progress p SET next_offset = n.next_offset, moved_at = clock_timestamp()
FROM unnest(%s::text[], %s::integer[], %s::bigint[], %s::bigint[]) AS n(topic_id, partition, expected, next_offset)
WHERE p.topic_id = n.topic_id AND p.partition = n.partition AND p.next_offset = n.expected
RETURNING p.partition;

-- park: sets edits aside; one that is set aside already, as a replay may have done, stays as it is
INSERT INTO tabstream.parked_edit (topic_id, partition, "offset", binding, row_key, message, reason, again)
SELECT * FROM unnest(%s::text[], %s::integer[], %s::bigint[], %s::text[], %s::text[], %s::bytea[], %s::text[], %s::boolean[])
ON CONFLICT DO NOTHING;

-- unpark: takes up edits that were set aside; a row for each that was still there
DELETE FROM tabstream.parked_edit p
USING unnest(%s::text[], %s::integer[], %s::bigint[]) AS k(topic_id, partition, "offset")
WHERE p.topic_id = k.topic_id AND p.partition = k.partition AND p."offset" = k."offset"
RETURNING p."offset";

-- list_parked: edits set aside on a partition, in order
SELECT "offset", binding, row_key FROM tabstream.parked_edit
WHERE topic_id = %s AND partition = %s ORDER BY "offset";

-- read_parked: messages set aside, in the order in which they were, each with whether it was dealt with before
SELECT p.topic_id, p.partition, p."offset", p.message, p.again
FROM tabstream.parked_edit p
JOIN unnest(%s::text[], %s::integer[], %s::bigint[]) AS k(topic_id, partition, "offset")
    USING (topic_id, partition, "offset")
ORDER BY p.parked_at, p.topic_id, p.partition, p."offset";

-- lock_rebuild: so that a binding is rebuilt once at a time; the lock ends with the session
SELECT pg_try_advisory_lock(hashtextextended('tabstream.rebuild.' || %(binding)s, 0));

-- read_last_truncate: the table's newest truncate, which a reader of its whole topic must know of
SELECT row_lsn, decided_at FROM tabstream.edit_result WHERE kind = 'truncate' AND binding = %s ORDER BY id DESC LIMIT 1;

-- read_truncates: all truncates of a table that are known, the oldest first
SELECT row_lsn, decided_at FROM tabstream.edit_result WHERE kind = 'truncate' AND binding = %s ORDER BY id;

-- clean_results: outbox rows that every reader has had the time to stream; truncates are kept
DELETE FROM tabstream.edit_result WHERE id IN (
    SELECT id FROM tabstream.edit_result WHERE kind <> 'truncate' AND decided_at < clock_timestamp() - make_interval(secs => %s)
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED);

-- clean_cell_registers: registers of cells that nobody has edited for long
DELETE FROM tabstream.cell_register WHERE (binding, row_key, column_name) IN (
    SELECT binding, row_key, column_name FROM tabstream.cell_register
    WHERE decided_at < clock_timestamp() - make_interval(secs => %s) ORDER BY decided_at LIMIT %s FOR UPDATE SKIP LOCKED);

-- clean_row_registers: tokens, deletes and returns of long ago
DELETE FROM tabstream.row_register WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM tabstream.row_register
    WHERE decided_at < clock_timestamp() - make_interval(secs => %s) ORDER BY decided_at LIMIT %s FOR UPDATE SKIP LOCKED));

-- forget_binding: what a binding of this name has decided and queued; conflicts stay on record
WITH cells AS (DELETE FROM tabstream.cell_register WHERE binding = %(binding)s),
     rows AS (DELETE FROM tabstream.row_register WHERE binding = %(binding)s),
     held AS (DELETE FROM tabstream.held WHERE binding = %(binding)s)
DELETE FROM tabstream.parked_edit WHERE binding = %(binding)s;

-- is_there: whether the database has a publication, and the schema tabstream
SELECT EXISTS (SELECT 1 FROM pg_publication WHERE pubname = %s), to_regnamespace('tabstream') IS NOT NULL;

-- drop_publication: takes a publication away
DROP PUBLICATION IF EXISTS {publication};

-- drop_schema: all that tabstream keeps, with the triggers on the bound tables that announce a truncate
DROP SCHEMA IF EXISTS tabstream CASCADE;
