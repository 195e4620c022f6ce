-- Everything that tabstream keeps in the database, in a schema of its own. Run as a whole, in one transaction, as often as
-- wanted: it makes what is missing and leaves the rest.

CREATE SCHEMA IF NOT EXISTS tabstream;

CREATE TABLE IF NOT EXISTS tabstream.format_version (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version integer NOT NULL
);

-- The outbox, streamed to `<prefix>.tabstream.edit_result`: the claim of a transaction before its table rows, its answers
-- after them. `binding` is the table's name (schema.table) in a row of kind truncate.
CREATE TABLE IF NOT EXISTS tabstream.edit_result (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    binding text NOT NULL,
    row_key text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('claim', 'answer', 'truncate')),
    xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    keys jsonb,
    answers jsonb,
    row_data jsonb,
    row_lsn text NOT NULL DEFAULT pg_current_wal_insert_lsn()::text,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- How far the edits topic is dealt with. A topic that is deleted and made again has another id.
CREATE TABLE IF NOT EXISTS tabstream.progress (
    topic_id text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic_id, partition)
);

-- Numbers of decisions, for ever growing: marks in the sheets hold them.
CREATE SEQUENCE IF NOT EXISTS tabstream.decision_number AS bigint;

-- The last decision on each cell, and the last value that came from the sheet; values are digests.
CREATE TABLE IF NOT EXISTS tabstream.cell_register (
    binding text NOT NULL,
    row_key text NOT NULL,
    column_name text NOT NULL,
    base text NOT NULL,
    value text NOT NULL,
    read_end_ms bigint NOT NULL,
    number bigint NOT NULL,
    outcome text NOT NULL,
    reason text,
    applied_value text,
    applied_number bigint NOT NULL DEFAULT 0,
    applied_base text,
    applied_shown bigint NOT NULL DEFAULT 0,
    first_seen jsonb NOT NULL DEFAULT '{}',
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (binding, row_key, column_name)
);
-- What a schema of format 1 lacks.
ALTER TABLE tabstream.cell_register ADD COLUMN IF NOT EXISTS applied_base text,
    ADD COLUMN IF NOT EXISTS applied_shown bigint NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS cell_register_by_age ON tabstream.cell_register (decided_at);

-- What happens once to a row: a token inserted, a delete, a return; `answers` is what was answered, `read_end_ms` when the
-- answered observation was read. A new row that was refused is an INSERT with the position of its edit in tabstream.edits.
CREATE TABLE IF NOT EXISTS tabstream.row_register (
    binding text NOT NULL,
    row_key text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('INSERT', 'DELETE', 'RETURN')),
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    read_end_ms bigint NOT NULL,
    answers jsonb NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (binding, row_key, kind, partition, "offset")
);
CREATE INDEX IF NOT EXISTS row_register_by_age ON tabstream.row_register (decided_at);

-- Conflicts, with the value that lost; `winner` is sheet, database or held.
CREATE TABLE IF NOT EXISTS tabstream.conflict (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    binding text NOT NULL,
    row_key text NOT NULL,
    column_name text NOT NULL,
    sheet_value jsonb,
    database_value jsonb,
    winner text NOT NULL,
    rule text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    database_changed_at timestamptz,
    number bigint NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS conflict_by_row ON tabstream.conflict (binding, row_key);

-- People's values that wait for a person to apply or drop them (conflict rule `hold`); the newest of each cell.
CREATE TABLE IF NOT EXISTS tabstream.held (
    binding text NOT NULL,
    row_key text NOT NULL,
    column_name text NOT NULL,
    sheet_value jsonb,
    database_value jsonb,
    number bigint NOT NULL,
    held_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (binding, row_key, column_name)
);

-- Edits that wait: their row is locked, or their binding has a problem. `message` is the message as received,
-- `again` tells one that was dealt with before the database was set back.
CREATE TABLE IF NOT EXISTS tabstream.parked_edit (
    topic_id text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    binding text NOT NULL,
    row_key text NOT NULL,
    message bytea NOT NULL,
    reason text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    again boolean NOT NULL DEFAULT false,
    PRIMARY KEY (topic_id, partition, "offset")
);
-- What an older schema lacks.
ALTER TABLE tabstream.parked_edit ADD COLUMN IF NOT EXISTS again boolean NOT NULL DEFAULT false;

-- For Debezium: a write now and then moves the replication slot on when the bound tables are quiet; signals ask for snapshots.
CREATE TABLE IF NOT EXISTS tabstream.heartbeat (
    id integer PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS tabstream.debezium_signal (
    id varchar(42) PRIMARY KEY,
    type varchar(32) NOT NULL,
    data varchar(2048)
);

-- A truncate has no key, so it can't be streamed to a compacted topic: a trigger announces it in the outbox.
CREATE OR REPLACE FUNCTION tabstream.announce_truncate() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
BEGIN
    INSERT INTO tabstream.edit_result (binding, row_key, kind)
    VALUES (TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, '', 'truncate');
    RETURN NULL;
END
$$;

INSERT INTO tabstream.format_version (version) VALUES (2)
    ON CONFLICT (only_row) DO UPDATE SET version = excluded.version WHERE format_version.version < excluded.version;
