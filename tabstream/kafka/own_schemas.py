"""The Avro schemas of our own topics, read as data from the package `schemas`."""

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load(name: str) -> dict[str, Any]:
    """The schema in `schemas/<name>.avsc`: edit, signal or status."""
    schema: dict[str, Any] = json.loads(files("schemas").joinpath(f"{name}.avsc").read_text(encoding="utf-8"))
    return schema
