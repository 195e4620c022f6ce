"""`tabstream connectors`: the Debezium connector as it should be, and as it is."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from tabstream.cli.printing import Json, print_json
from tabstream.errors import ConfigurationError, OperatorError

if TYPE_CHECKING:
    from connectors.source import Difference, Source
    from tabstream.config import Settings

app = typer.Typer(help="The Debezium connector that streams the bound tables.", no_args_is_help=True)


@app.command()
def apply(
    dry_run: Annotated[bool, typer.Option(help="only show what would change")] = False,
    no_connector: Annotated[
        bool, typer.Option("--no-connector", help="only topics and schema: a connector of your own streams the tables")
    ] = False,
    as_json: Json = False,
) -> None:
    """Creates topics, the database schema and the connector, or changes them to what the bindings file asks for.

    Shows the difference, applies it, waits until every task runs, and explains a failure.
    Where a connector of your own streams the tables, --no-connector makes the rest and says what that connector needs.
    """
    from connectors import apply as applying
    from connectors.installing import install_source
    from connectors.publication import streamable
    from tabstream.kafka.connect import Connect

    settings, source = _load()
    console = Console(stderr=as_json)
    if no_connector:
        _prepare(settings, source, dry_run, as_json)
        return
    if settings.replication_slot or settings.publication:
        raise OperatorError(
            "TABSTREAM_REPLICATION_SLOT or TABSTREAM_PUBLICATION names those of a connector of your own",
            "run: tabstream connectors apply --no-connector, or unset them to have tabstream's own connector",
        )
    connect = Connect(settings.connect_url)
    source, left_out = streamable(source)
    for table in left_out:
        console.print(f"[yellow]{table} is not streamed: its primary key holds an array; give it another key[/yellow]")
    differences = applying.plan(source, connect).differences
    if as_json:
        print_json({"connector": source.name, "left_out": left_out, "differences": [asdict(found) for found in differences]})
    else:
        _show(console, differences)
    if not dry_run:
        install_source(settings, source, connect, console.print)


def _prepare(settings: "Settings", source: "Source", dry_run: bool, as_json: bool) -> None:
    """All but the connector, and what the team's own connector has to have for it."""
    from tabstream.kafka.topics import ensure_topics, own_topics, results_topic
    from tabstream.postgres.schema import install, watch_truncate

    topics = own_topics(results_topic(settings))
    made = [] if dry_run else ensure_topics(settings, topics)
    if not dry_run:
        install(settings.database_url)
        for table in source.tables:
            watch_truncate(settings.database_url, table)
    if as_json:
        print_json({"topics": [topic.name for topic in topics], "created": made, "results_topic": results_topic(settings)})
        return
    if dry_run:
        typer.echo(f"topics, where they are missing: {', '.join(topic.name for topic in topics)}")
        typer.echo("the schema tabstream in the database, and a trigger for TRUNCATE on each bound table")
    else:
        typer.echo(f"topics created: {', '.join(made) or 'none, all are there'}")
        typer.echo("the schema tabstream is in the database")
    typer.echo("your own connector has to stream, beside the bound tables, the table tabstream.edit_result:")
    typer.echo("  table.include.list: add tabstream\\.edit_result, and add the table to the publication")
    typer.echo(f"  to the topic {results_topic(settings)}")
    typer.echo("docs/howto/existing-topics.md says the rest")


@app.command()
def topics(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC", help="the topics; all, if none is given", show_default=False),
    ] = None,
    min_insync_replicas: Annotated[
        int | None, typer.Option(min=1, help="also set how many replicas must have a message before it counts as written")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="only show what would change")] = False,
    as_json: Json = False,
) -> None:
    """Brings topics that exist to what tabstream needs, as `connectors apply` makes those that are missing.

    What is more than needed stays as it is. Exit code 1 if there is no such topic, or Kafka refuses.
    """
    from tabstream.cli.printing import print_table
    from tabstream.operations.topic_changes import bring, changes

    settings, source = _load()
    wanted = changes(settings, source.tables, names or [], min_insync_replicas)
    rows = [(topic, lack) for topic, lacking in wanted.items() for lack in lacking]
    if as_json:
        print_json([{"topic": topic, "setting": lack.setting, "now": lack.now, "wanted": lack.wanted} for topic, lack in rows])
    elif rows:
        print_table(
            ("topic", "setting", "now", "wanted"), [(topic, lack.setting, lack.now, lack.wanted) for topic, lack in rows]
        )
    else:
        Console().print("the topics are as they should be")
    if not dry_run:
        bring(settings, wanted)


@app.command()
def status(as_json: Json = False) -> None:
    """Shows the state of the connector and its tasks; exit code 1 if it does not run."""
    from connectors.source import explain
    from tabstream.cli.printing import print_json
    from tabstream.kafka.connect import Connect

    settings, source = _load()
    state = Connect(settings.connect_url).state(source.name)
    if as_json:
        problem = explain(state.trace) if state.trace else None
        print_json({"connector": source.name, "state": state.state, "tasks": list(state.tasks), "problem": problem})
        raise typer.Exit(0 if state.running else 1)
    typer.echo(f"{source.name}: {state.state}, tasks {', '.join(state.tasks) or 'none'}")
    if state.trace:
        raise OperatorError(explain(state.trace), "once it is cured: tabstream connectors apply")
    if not state.running:
        raise typer.Exit(1)


def _load() -> "tuple[Settings, Source]":
    from connectors.source import source_of
    from tabstream.bindings_file import load_bindings
    from tabstream.config import load_settings

    settings = load_settings()
    settings.require("database_url", "bindings_file")
    if settings.bindings_file is None:
        raise ConfigurationError("TABSTREAM_BINDINGS_FILE is not set")
    return settings, source_of(settings, load_bindings(settings.bindings_file))


def _show(console: Console, differences: "tuple[Difference, ...]") -> None:
    if not differences:
        console.print("the connector is as it should be")
        return
    table = Table()
    for name in ("setting", "now", "wanted"):
        table.add_column(name, overflow="fold")  # a value that is cut short shows no difference
    for d in differences:
        table.add_row(d.key, "" if d.now is None else d.now, "" if d.wanted is None else d.wanted)
    console.print(table)
