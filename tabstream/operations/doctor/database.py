"""What is judged of the database: the server, the schema tabstream, the publication and the slot. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql

from tabstream.operations.doctor.findings import APPLY, Finding, Group, Step, hand, ok, shell, statement, warning, wrong
from tabstream.postgres.own_columns import OwnColumn, own_columns
from tabstream.postgres.prerequisites import OwnSchema, Publication, Server, Table
from tabstream.postgres.schema import FORMAT_VERSION
from tabstream.postgres.slots import Slot

CHECKS = ("reachable", "wal level", "role", "schema tabstream", "publication", "replication slot")
RESTART = hand("restart PostgreSQL")
_KEPT_SHARE = 0.5
_KEPT_BYTES = 10 * 2**30
_PUBLISHED = ("insert", "update", "delete")
_DATABASE = Group.DATABASE
_PARTITIONED = "p"
_VERSION_TABLE = "format_version"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database says. `version` is the format of the schema tabstream; `name` is that of slot and publication.

    `tables` are those that are to be published and are there, by schema and name.
    """

    server: Server
    schema: OwnSchema | None
    version: int | None
    publication: Publication | None
    slot: Slot | None
    name: str
    tables: Mapping[tuple[str, str], Table]


def judge(facts: Facts) -> Iterator[Finding]:
    """Everything but the bound tables themselves."""
    server = facts.server
    yield ok(_DATABASE, "reachable", f"database {server.database!r} as {server.role!r}")
    yield _wal_level(server)
    yield from _role(server)
    yield from _schema(facts)
    yield from _publication(facts)
    yield from _slot(facts)


def _wal_level(server: Server) -> Finding:
    if server.wal_level == "logical":
        return ok(_DATABASE, "wal level", "logical")
    found = f"wal_level is {server.wal_level}: nothing can be streamed"
    return wrong(_DATABASE, "wal level", found, statement("ALTER SYSTEM SET wal_level = 'logical'"), RESTART)


def _role(server: Server) -> Iterator[Finding]:
    missing, steps = [], []
    if not server.replicates:
        missing.append("may not replicate")
        steps.append(statement("ALTER ROLE {role} REPLICATION", role=server.role))
    if not server.creates:
        missing.append("may not create in this database")
        step = statement("GRANT CREATE ON DATABASE {database} TO {role}", database=server.database, role=server.role)
        steps.append(step)
    if missing:
        yield wrong(_DATABASE, "role", f"{server.role!r} {' and '.join(missing)}", *steps)
    else:
        yield ok(_DATABASE, "role", f"{server.role!r} may replicate and create")


def _schema(facts: Facts) -> Iterator[Finding]:
    check, schema = "schema tabstream", facts.schema
    if schema is None or (schema.versioned and facts.version is None):
        yield wrong(_DATABASE, check, "it is not there: no edit can be saved", APPLY)
        return
    if facts.version is not None and facts.version > FORMAT_VERSION:
        found = f"it has format {facts.version}, and this version of tabstream knows {FORMAT_VERSION}"
        yield wrong(_DATABASE, check, found, hand("use the version of tabstream that made it, or a newer one"))
        return
    if facts.version is not None and facts.version < FORMAT_VERSION:
        found = f"it has format {facts.version}; this version of tabstream makes {FORMAT_VERSION} of it as soon as it starts"
        yield warning(_DATABASE, check, found, APPLY)
        return
    problems = [*_lacking_columns(schema), *_lacking_rights(schema, facts.server.role)]
    for found, steps in problems:
        yield wrong(_DATABASE, check, found, *steps)
    if not problems:
        yield ok(_DATABASE, check, f"format {facts.version}, {len(own_columns())} tables")


def _lacking_columns(schema: OwnSchema) -> Iterator[tuple[str, list[Step]]]:
    there = {table for table, _ in schema.columns}
    if missing := sorted(own_columns().keys() - there):
        yield f"it lacks the tables {', '.join(missing)}", [APPLY]
    for table, columns in own_columns().items():
        lacking = {name: column for name, column in columns.items() if (table, name) not in schema.columns}
        if table in there and lacking:
            yield f"its table {table} lacks {', '.join(lacking)}", _additions(table, lacking)


def _additions(table: str, columns: Mapping[str, OwnColumn]) -> list[Step]:
    if table == _VERSION_TABLE or any(column.in_key for column in columns.values()):
        return [hand(f"restore tabstream.{table} from a backup, or drop it, then run: {APPLY.text}")]
    add = "ALTER TABLE tabstream.{table} ADD COLUMN {column} {definition}"
    return [statement(add, table=table, column=name, definition=sql.SQL(column.addable)) for name, column in columns.items()]


def _lacking_rights(schema: OwnSchema, role: str) -> Iterator[tuple[str, list[Step]]]:
    if schema.foreign:
        names = [name if kind == "SCHEMA" else f"tabstream.{name}" for kind, name in schema.foreign]
        yield f"{role!r} does not own {', '.join(names)}, and can't keep it up to date", _owning(schema.foreign, role)
    if not schema.used and not schema.foreign:
        yield f"{role!r} may not use it", [statement("GRANT USAGE ON SCHEMA tabstream TO {role}", role=role)]
    if schema.lacking:
        found = ", ".join(f"{privilege} {table}" for table, privilege in schema.lacking)
        grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tabstream TO {role}"
        use = "GRANT USAGE, UPDATE ON SEQUENCE tabstream.decision_number TO {role}"
        yield f"{role!r} may not {found}", [statement(grant, role=role), statement(use, role=role)]


def _owning(foreign: Collection[tuple[str, str]], role: str) -> list[Step]:
    steps = []
    for kind, name in foreign:
        qualified = sql.Identifier(name) if kind == "SCHEMA" else sql.Identifier("tabstream", name)
        change = "ALTER {kind} {name} OWNER TO {role}"
        steps.append(statement(change, kind=sql.SQL(_KINDS[kind]), name=qualified, role=role))
    return steps


_KINDS = {"SCHEMA": "SCHEMA", "TABLE": "TABLE", "SEQUENCE": "SEQUENCE", "FUNCTION": "FUNCTION"}


def _publication(facts: Facts) -> Iterator[Finding]:
    check, found, role = "publication", facts.publication, facts.server.role
    if found is None:
        yield wrong(_DATABASE, check, f"there is no publication {facts.name!r}: nothing is streamed", APPLY)
        return
    unpublished = [operation for operation in _PUBLISHED if operation not in found.operations]
    if unpublished:
        step = statement("ALTER PUBLICATION {name} SET (publish = 'insert, update, delete')", name=facts.name)
        yield wrong(_DATABASE, check, f"{facts.name!r} does not publish {', '.join(unpublished)}", step)
    if not found.owned:
        step = statement("ALTER PUBLICATION {name} OWNER TO {role}", name=facts.name, role=role)
        said = f"{facts.name!r} belongs to {found.owner!r}: {role!r} can't add tables to it"
        yield wrong(_DATABASE, check, said, step)
    missing = [name for name in sorted(facts.tables) if ".".join(name) not in found.tables]
    if missing:
        said = f"{facts.name!r} lacks {', '.join(map('.'.join, missing))}: their changes don't come"
        steps = [_own(name, facts.tables[name], role) for name in missing if not facts.tables[name].owned]
        if any(facts.tables[name].kind == _PARTITIONED for name in missing):
            steps.append(statement("ALTER PUBLICATION {name} SET (publish_via_partition_root = true)", name=facts.name))
        yield wrong(_DATABASE, check, said, *dict.fromkeys(steps), APPLY)
    if not unpublished and found.owned and not missing:
        yield ok(_DATABASE, check, f"{facts.name!r} with {len(facts.tables)} tables")


def _own(name: tuple[str, str], table: Table, role: str) -> Step:
    """Only an owner may publish a table; nobody is made a member of a superuser for it."""
    if table.by_superuser:
        return statement("ALTER TABLE {table} OWNER TO {role}", table=sql.Identifier(*name), role=role)
    return statement("GRANT {owner} TO {role}", owner=table.owner, role=role)


def _slot(facts: Facts) -> Iterator[Finding]:
    check, slot, server = "replication slot", facts.slot, facts.server
    drop = statement("SELECT pg_drop_replication_slot({name})", name=sql.Literal(facts.name))
    if slot is None:
        yield wrong(_DATABASE, check, f"there is no slot {facts.name!r}: nothing is streamed", *_room(server), APPLY)
    elif slot.lost:
        said = f"{facts.name!r} has lost its place in the write-ahead log; the tables are streamed anew"
        yield wrong(_DATABASE, check, said, drop, APPLY)
    elif not slot.here:
        yield wrong(_DATABASE, check, f"{facts.name!r} is of another database", hand("choose another TABSTREAM_TOPIC_PREFIX"))
    elif not slot.active:
        said = f"nobody reads {facts.name!r}, for which {_size(slot.kept_bytes)} of the write-ahead log are kept"
        yield wrong(_DATABASE, check, said, APPLY)
    else:
        yield _kept(facts.name, slot, server)


def _room(server: Server) -> list[Step]:
    if server.free_slots > 0:
        return []
    return [statement("ALTER SYSTEM SET max_replication_slots = {n}", n=sql.Literal(server.slots + 5)), RESTART]


def _kept(name: str, slot: Slot, server: Server) -> Finding:
    limit = server.slot_keep_bytes
    said = f"{name!r} is read; {_size(slot.kept_bytes)} of the write-ahead log are kept for it"
    if limit is not None:
        said += f", of {_size(limit)} at most"
    full = slot.kept_bytes > (_KEPT_BYTES if limit is None else limit * _KEPT_SHARE)
    if full or slot.wal_status == "unreserved":
        return warning(_DATABASE, "replication slot", f"{said}: the connector is behind", shell("tabstream", "status"))
    return ok(_DATABASE, "replication slot", said)


def _size(count: int) -> str:
    for unit, size in (("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
