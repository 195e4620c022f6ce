"""`tabstream schemas`: the schemas of tabstream's own topics in the registry."""

from typing import TYPE_CHECKING, Annotated

import typer

from tabstream.cli.completion import own_schemas
from tabstream.cli.printing import Json, print_json, print_table, print_text

if TYPE_CHECKING:
    from tabstream.kafka.registry import Registry

app = typer.Typer(help="The schemas of tabstream's own topics in the registry.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(autocompletion=own_schemas, help="edit, signal or status, a topic, or a subject", show_default=False)
]


@app.command("list")
def list_schemas(as_json: Json = False) -> None:
    """Shows each subject of ours: its versions, which of them this tabstream writes, and its rule.

    The schemas of table topics and of edit results are Debezium's, and are made of the tables.

    Exit code 0. 1: the registry gives no answer.
    """
    from dataclasses import asdict

    from schemas.registration import SUBJECTS
    from tabstream.operations.schemas import read_subjects

    found = read_subjects(_registry(), SUBJECTS)
    if as_json:
        print_json([asdict(subject) for subject in found])
        return
    columns = ("schema", "subject", "versions", "of this tabstream", "rule")
    rows = [
        (
            subject.schema,
            subject.subject,
            ", ".join(map(str, subject.versions)) or "none",
            "not registered" if subject.registered is None else f"version {subject.registered}",
            subject.rule or "the registry's",
        )
        for subject in found
    ]
    print_table(columns, rows)


@app.command()
def show(
    schema: Name,
    version: Annotated[int | None, typer.Option(min=1, help="the newest, if not given", show_default=False)] = None,
    own: Annotated[bool, typer.Option("--own", help="the schema of this tabstream, without asking the registry")] = False,
) -> None:
    """Prints a schema as JSON, as the registry has it.

    Exit code 0. 1: there is no such schema or version, or the registry gives no answer.
    """
    from schemas.registration import SUBJECTS
    from tabstream.kafka import own_schemas
    from tabstream.operations.schemas import read_version, subject_named

    if own and version is not None:
        raise typer.BadParameter("it has one version only: leave --version out", param_hint="--own")
    subject = subject_named(SUBJECTS, schema)
    if own:
        print_json(own_schemas.load(SUBJECTS[subject]))
        return
    print_json(read_version(_registry(), subject, version).schema)


@app.command()
def check(as_json: Json = False) -> None:
    """Asks the registry whether this tabstream can read and write beside every other version. Changes nothing.

    Run it before an upgrade, with the new version of tabstream.

    Exit code 0: each schema is registered, compatible with every version of its subject, and held to the rule
    FULL_TRANSITIVE. 1: one is not (which is told), or the registry gives no answer.
    """
    from dataclasses import asdict

    from schemas.registration import SUBJECTS
    from tabstream.operations.schemas import read_subjects

    found = read_subjects(_registry(), SUBJECTS)
    if as_json:
        print_json([asdict(subject) | {"problem": subject.problem, "remedy": subject.remedy} for subject in found])
    for subject in found if not as_json else ():
        print_text(f"{subject.subject}: {subject.problem or f'version {subject.registered}, compatible with every version'}")
        if subject.remedy:
            print_text(f"    {subject.remedy}")
    raise typer.Exit(1 if any(subject.problem for subject in found) else 0)


@app.command()
def register(as_json: Json = False) -> None:
    """Registers the schemas of this tabstream, each with its rule. Those that are registered stay as they are.

    The processes do so by themselves, unless their account may not.

    Exit code 0: all are registered. 1: the registry refuses one, or gives no answer.
    """
    from schemas.registration import register_all
    from tabstream.errors import OperatorError
    from tabstream.kafka.registry import SchemaRefused

    registry = _registry()
    try:
        found = register_all(registry.url)
    except SchemaRefused as refused:
        raise OperatorError(str(refused), "see which version it does not fit: tabstream schemas check") from refused
    if as_json:
        print_json([{"subject": one.subject, "schema_id": one.schema_id} for one in found])
        return
    for one in found:
        print_text(f"{one.subject}: registered, id {one.schema_id}")


def _registry() -> "Registry":
    from tabstream.config import load_settings
    from tabstream.kafka.registry import Registry

    return Registry(load_settings().registry)
