"""What has to be there before the first start: PostgreSQL's cluster, Kafka's storage, rendered configuration."""

import base64
import os
import pwd
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from tabstream.errors import OperatorError
from tabstream.local.endings import telling
from tabstream.local.programs import Programs
from tabstream.local.services import DATABASE, HOST, USER, Addresses, connect_properties, kafka_properties
from tabstream.local.state import State

_SECONDS = 120


def prepare(state: State, ports: Mapping[str, int], programs: Programs) -> None:
    """Makes everything that is missing; raises OperatorError with the output of the tool that failed."""
    state.prepare()
    if not state.external_database_file.exists():
        _initialise_postgres(state, programs)
    _render_kafka(state, ports, programs)
    _render_connect(state, ports, programs)
    if not (state.kafka / "data" / "meta.properties").exists():
        _format_kafka(state, programs)


def _initialise_postgres(state: State, programs: Programs) -> None:
    data, unfinished = state.postgres / "data", state.postgres / "data.unfinished"
    if data.exists():
        return
    shutil.rmtree(unfinished, ignore_errors=True)
    state.postgres.mkdir(parents=True, exist_ok=True)
    password = state.postgres / "initial-password"
    password.write_text(state.database_password_file.read_text(encoding="utf-8"), encoding="utf-8")
    password.chmod(0o600)
    if programs.postgres_user is not None:
        account = pwd.getpwnam(programs.postgres_user)
        state.postgres.chmod(0o755)
        for path in (state.postgres, password):
            os.chown(path, account.pw_uid, account.pw_gid)
    command = [str(programs.postgres / "initdb"), "-D", str(unfinished), "-U", USER, "-A", "scram-sha-256"]
    command += ["--encoding=UTF8", "--locale=C", f"--pwfile={password}"]
    _run([*command, "-N"], "PostgreSQL's cluster", programs.postgres_user, state.postgres)
    # the database that clients expect is made by the server in single-user mode, before it listens
    create = [str(programs.postgres / "postgres"), "--single", "-D", str(unfinished), "postgres"]
    _run(create, "the database", programs.postgres_user, state.postgres, f"CREATE DATABASE {DATABASE};\n")
    password.unlink()
    unfinished.rename(data)  # only a whole cluster is found by the next start


def _format_kafka(state: State, programs: Programs) -> None:
    shutil.rmtree(state.kafka / "data", ignore_errors=True)
    command = [str(programs.java), "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", f"{programs.jars / 'kafka'}/*"]
    command += ["kafka.tools.StorageTool", "format", "--standalone", f"--cluster-id={_kafka_uuid()}"]
    command += ["-c", str(kafka_properties(state))]
    _run(command, "Kafka's storage", None, state.kafka)


def _kafka_uuid() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _render_kafka(state: State, ports: Mapping[str, int], programs: Programs) -> None:
    state.kafka.mkdir(parents=True, exist_ok=True)
    broker, controller = f"{HOST}:{ports['kafka']}", f"{HOST}:{ports['controller']}"
    _render(
        programs.configuration / "deploy" / "kafka" / "server.properties",
        kafka_properties(state),
        {
            "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{broker}",
            "controller.quorum.bootstrap.servers": controller,
            "log.dirs": str(state.kafka / "data"),
        },
    )


def _render_connect(state: State, ports: Mapping[str, int], programs: Programs) -> None:
    at = Addresses(state, ports)
    _render(
        programs.configuration / "connectors" / "worker.properties",
        connect_properties(state),
        {
            "bootstrap.servers": at.bootstrap_servers,
            "listeners": at.url("connect"),
            "plugin.path": str(programs.jars / "plugins"),
        },
    )


def _render(source: Path, target: Path, changes: Mapping[str, str]) -> None:
    """The shared file with its addresses replaced; in a properties file the last of two settings counts."""
    lines = [source.read_text(encoding="utf-8"), "# the local stack's own addresses"]
    target.write_text("\n".join([*lines, *(f"{k}={v}" for k, v in changes.items()), ""]), encoding="utf-8")


def _run(command: Sequence[str], what: str, user: str | None, folder: Path, text: str | None = None) -> None:
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        user=user,
        group=_group(user),
        cwd=folder,
        input=text,
    )
    if done.returncode != 0:
        raise OperatorError(
            f"{what} could not be made: {command[0]} ended with {done.returncode}\n{telling(done.stdout + done.stderr)}",
            "correct what it says and run `tabstream local up` again",
        )


def _group(user: str | None) -> int | None:
    return None if user is None else pwd.getpwnam(user).pw_gid
