"""PropertiesService, and ScriptApp's triggers: what a script can ask about its own project.

https://developers.google.com/apps-script/guides/services/quotas
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sheets_emulator.model.values import Json
from sheets_emulator.script.errors import ScriptError
from sheets_emulator.script.projects import Project, Projects, Trigger

MAX_VALUE_BYTES = 9 * 1024
MAX_STORE_BYTES = 500 * 1024
MAX_TRIGGERS = 20


def services(projects: Projects, spreadsheet_id: str) -> Mapping[str, Callable[..., Any]]:
    """The services of one spreadsheet's script."""

    def properties(kind: str) -> Mapping[str, str]:
        return projects.get(spreadsheet_id).properties.get(kind, {})

    def set_properties(kind: str, values: Mapping[str, str], delete_others: bool) -> None:
        def change(project: Project) -> Project:
            old = {} if delete_others else project.properties.get(kind, {})
            return _with_properties(project, kind, {**old, **values})

        projects.change(spreadsheet_id, change)

    def delete_property(kind: str, key: str) -> None:
        def change(project: Project) -> Project:
            left = {name: value for name, value in project.properties.get(kind, {}).items() if name != key}
            return _with_properties(project, kind, left)

        projects.change(spreadsheet_id, change)

    def create_trigger(function: str, source: str, event: str) -> Json:
        if source != spreadsheet_id:
            raise ScriptError(f"only triggers for the script's own spreadsheet are made here, not for {source!r}")
        trigger = Trigger(str(secrets.randbits(62)), function, event)

        def change(project: Project) -> Project:
            if len(project.triggers) >= MAX_TRIGGERS:
                raise ScriptError("This script has too many triggers. Triggers must be deleted from the script first.")
            return replace(project, triggers=(*project.triggers, trigger))

        projects.change(spreadsheet_id, change)
        return _trigger(trigger, spreadsheet_id)

    def delete_trigger(trigger_id: str) -> None:
        def change(project: Project) -> Project:
            return replace(project, triggers=tuple(item for item in project.triggers if item.id != trigger_id))

        projects.change(spreadsheet_id, change)

    return {
        "properties.get": lambda kind: dict(properties(kind)),
        "properties.set": set_properties,
        "properties.delete": delete_property,
        "triggers.list": lambda: [_trigger(item, spreadsheet_id) for item in projects.get(spreadsheet_id).triggers],
        "triggers.create": create_trigger,
        "triggers.delete": delete_trigger,
        "session.scriptId": lambda: projects.get(spreadsheet_id).script_id,
        "session.zone": lambda: projects.get(spreadsheet_id).manifest.get("timeZone", "Etc/GMT"),
    }


def _trigger(trigger: Trigger, source: str) -> Json:
    return {**trigger._asdict(), "source": source}


def _with_properties(project: Project, kind: str, values: Mapping[str, str]) -> Project:
    if any(len(value.encode()) > MAX_VALUE_BYTES for value in values.values()):
        raise ScriptError("Argument too large: value")
    if sum(len(key.encode()) + len(value.encode()) for key, value in values.items()) > MAX_STORE_BYTES:
        raise ScriptError("You have exceeded the property storage quota. Please remove some properties and try again.")
    return replace(project, properties={**project.properties, kind: values})
