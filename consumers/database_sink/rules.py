"""A team's own conflict rules: functions that the bindings file names as `package.module:function`."""

import importlib
from collections.abc import Iterable, Mapping

from tabstream.core.binding import Binding
from tabstream.core.merge import Rule
from tabstream.errors import BindingProblem


def load_rules(binding: Binding) -> Mapping[str, Rule]:
    """The functions that a binding's conflict rules name, by that name; raises BindingProblem if one is not there."""
    return {name: _load(binding, name) for name in _named(binding) if ":" in name}


def _named(binding: Binding) -> Iterable[str]:
    return {binding.conflict, *(column.conflict or binding.conflict for column in binding.columns or ())}


def _load(binding: Binding, name: str) -> Rule:
    module, _, function = name.partition(":")
    try:
        rule: Rule = getattr(importlib.import_module(module), function)
    except Exception as problem:  # importing a team's module can fail in any way
        raise BindingProblem(
            f"the conflict rule {name!r} of binding {binding.name!r} can't be loaded: {problem}",
            "install its package beside tabstream, or correct the name (package.module:function)",
        ) from problem
    if not callable(rule):
        raise BindingProblem(f"the conflict rule {name!r} of binding {binding.name!r} is no function", "name a function")
    return rule
