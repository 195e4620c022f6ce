"""YAML with the line of everything in it, so that an error can be shown where it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml
from yaml.reader import ReaderError

Place: TypeAlias = tuple[str | int, ...]

_WITHOUT_DATES = {  # a tab may be called 2026-01-01
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong in a file, at a line that counts from 1."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """The data, the line of each place in it (`("bindings", 0, "tab")`), and the keys that are there twice."""

    data: Any
    lines: Mapping[Place, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest thing around it that is in the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


class _Reader:
    """Walks the nodes of one document."""

    def __init__(self) -> None:
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []
        self._open: list[yaml.Node] = []

    def read(self, node: yaml.Node, place: Place) -> None:
        """Notes the line of the node and of all in it; an anchor that contains itself is entered once."""
        self.lines.setdefault(place, node.start_mark.line + 1)
        if node in self._open:
            return
        self._open.append(node)
        if isinstance(node, yaml.MappingNode):
            self._read_mapping(node, place)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.read(item, (*place, index))
        self._open.pop()

    def _read_mapping(self, node: yaml.MappingNode, place: Place) -> None:
        first_lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line, first = key.start_mark.line + 1, first_lines.get(key.value)
            if first is not None:
                self.problems.append(Problem(line, f"key {key.value!r} is there twice, first in line {first}: keep one"))
            first_lines.setdefault(key.value, line)
            self.lines[(*place, key.value)] = line
            self.read(value, (*place, key.value))


def parse(text: str) -> Document:
    """Reads one YAML document, plain data only. Of a text that is no YAML nothing is left but the problem."""
    reader = _Reader()
    try:
        loader = yaml.SafeLoader(text)
        loader.yaml_implicit_resolvers = _WITHOUT_DATES
        node = loader.get_single_node()
        if node is None:
            return Document(None)
        reader.read(node, ())
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return Document(None, {}, (Problem(mark.line + 1 if mark else 1, f"not YAML: {error.problem}"),))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1  # the character is its number, whatever the type says
        return Document(None, {}, (Problem(line, f"not YAML: the character U+{int(error.character):04X} is not allowed"),))
    except (ValueError, RecursionError) as error:
        return Document(None, {}, (Problem(1, f"not YAML that can be read: {error}"),))
    return Document(data, reader.lines, tuple(reader.problems))
