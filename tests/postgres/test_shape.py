import pytest

from tabstream.core.binding import Binding, ColumnChoice
from tabstream.errors import BindingProblem
from tabstream.postgres.connection import Connection, connect
from tabstream.postgres.shape import ColumnMissing, NoCommitTime, NoPrimaryKey, NotStreamed, TableMissing, UnfitKey, read_shape
from tests.postgres.server import Server


def _binding(table: str = "things", **options: object) -> Binding:
    return Binding("b", table, "s", "id", "Tab", **options)  # type: ignore[arg-type]


def test_columns_come_with_the_types_and_rules_of_the_table(database: Connection) -> None:
    database.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')")
    database.execute("CREATE DOMAIN short AS varchar(5) NOT NULL DEFAULT 'x'")
    database.execute(
        """CREATE TABLE things (
            b int, a bigint GENERATED ALWAYS AS IDENTITY, name text NOT NULL, price numeric(10,2) DEFAULT 1,
            feeling mood, feelings mood[], code short, twice int GENERATED ALWAYS AS (b * 2) STORED, raw bytea,
            gone int, PRIMARY KEY (name, a))"""
    )
    database.execute("ALTER TABLE things DROP COLUMN gone")
    shape = read_shape(database, _binding(), "UTC")
    assert shape.key == ("name", "a")
    assert [(c.name, c.pg_type, c.nullable, c.has_default, c.read_only) for c in shape.columns] == [
        ("b", "integer", True, False, False),
        ("a", "bigint", False, True, True),
        ("name", "text", False, False, False),
        ("price", "numeric(10,2)", True, True, False),
        ("feeling", "mood", True, False, False),
        ("feelings", "mood[]", True, False, False),
        ("code", "character varying(5)", False, True, False),
        ("raw", "bytea", True, False, True),
    ]
    assert shape.by_name["feeling"].type.from_text("glad") == "glad"


def test_the_binding_s_choices_stand(database: Connection) -> None:
    database.execute("CREATE TABLE things (id int PRIMARY KEY, a text, b text)")
    chosen = (ColumnChoice("b", header="Bee", conflict="hold"), ColumnChoice("id", read_only=True))
    shape = read_shape(database, _binding(columns=chosen), "UTC")
    assert [(c.name, c.header, c.conflict, c.read_only) for c in shape.columns] == [
        ("b", "Bee", "hold", False),
        ("id", "id", "last_write_wins", True),
    ]


def test_a_partitioned_table_in_a_schema_with_odd_names_is_found(database: Connection) -> None:
    database.execute('CREATE SCHEMA "My App"')
    database.execute('CREATE TABLE "My App"."Ord ers" (id int PRIMARY KEY) PARTITION BY RANGE (id)')
    assert read_shape(database, _binding("My App.Ord ers"), "UTC").key == ("id",)


@pytest.mark.parametrize(
    ("definition", "binding", "problem", "remedy"),
    [
        ("CREATE TABLE other ()", _binding(), TableMissing, "create it"),
        ("CREATE VIEW things AS SELECT 1 AS id", _binding(), TableMissing, "bind the table itself"),
        ("CREATE TABLE things (id int)", _binding(), NoPrimaryKey, "ADD PRIMARY KEY"),
        ("CREATE TABLE things (id int[] PRIMARY KEY)", _binding(), UnfitKey, "another primary key"),
        (
            "CREATE TABLE things (id int PRIMARY KEY, a text)",
            _binding(columns=(ColumnChoice("a"),)),
            NoPrimaryKey,
            "add it to the binding's columns",
        ),
        (
            "CREATE TABLE things (id int PRIMARY KEY)",
            _binding(columns=(ColumnChoice("id"), ColumnChoice("nmae"))),
            ColumnMissing,
            "choose from: id",
        ),
        (
            "CREATE TABLE things (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)",
            _binding(columns=(ColumnChoice("id"), ColumnChoice("twice"))),
            NotStreamed,
            "take it out of binding 'b'",
        ),
        (
            "CREATE TABLE things (id int, twice int GENERATED ALWAYS AS (id * 2) STORED PRIMARY KEY)",
            _binding(),
            UnfitKey,
            "another primary key",
        ),
        ("CREATE TABLE things (id int PRIMARY KEY)", _binding(updated_at="changed"), ColumnMissing, "choose from: id"),
    ],
)
def test_what_can_t_be_bound_is_named_with_its_remedy(
    database: Connection, definition: str, binding: Binding, problem: type[BindingProblem], remedy: str
) -> None:
    database.execute(definition.encode())
    with pytest.raises(problem) as found:
        read_shape(database, binding, "UTC")
    assert remedy in found.value.remedy


def test_last_write_wins_needs_a_time_of_the_last_write() -> None:
    with Server(track_commit_timestamp="off") as server, connect(server.url(), autocommit=True) as database:
        database.execute("CREATE TABLE things (id int PRIMARY KEY, updated_at timestamptz)")
        with pytest.raises(NoCommitTime, match="track_commit_timestamp"):
            read_shape(database, _binding(), "UTC")
        assert read_shape(database, _binding(updated_at="updated_at"), "UTC").key == ("id",)
        assert read_shape(database, _binding(conflict="database_wins"), "UTC").key == ("id",)
