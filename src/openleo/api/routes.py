"""What every route says of itself: the action it takes, on what, and the problems it can answer.

docs/authorization.md is written from this, and the tests hold each route to it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from openleo.api.problems import documented
from openleo.control.roles import ACTIONS

_READS = (400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503)
_CHANGES = (*_READS, 412, 507)


class On(StrEnum):
    """On what an action is asked for."""

    AREA = "the area in the path or body"
    REQUEST = "the request's area"
    TERMINAL = "the terminal's area"
    CLAIM = "the claim's area"
    GRANT = "the grant's area"
    NETWORK = "the whole network"
    LISTED = "each thing in the list"
    ENTRY = "the entry's area"
    SELF = "oneself"
    NOTHING = "nothing"


class Gate(StrEnum):
    """Who gets in, where it is no action that decides."""

    ANYONE = "anyone"
    KNOWN = "anyone known"
    AGENT = "a terminal's agent, by its signature or code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one route takes."""

    method: str
    path: str
    actions: tuple[str, ...]  # any of them lets in
    on: On
    summary: str


def reads(action: str, on: On, *, other: str | None = None) -> dict[str, Any]:
    """Declare a route that reads; ``other`` is an action that lets in as well."""
    return _declared(action, on, _READS, *([] if other is None else [other]))


def changes(action: str, on: On, *, matched: bool = False) -> dict[str, Any]:
    """Declare a route that changes something; ``matched``: If-Match is required."""
    return _declared(action, on, (*_CHANGES, 428) if matched else _CHANGES)


def opens() -> dict[str, Any]:
    """Declare a route that anyone may read."""
    return _declared(Gate.ANYONE, On.NOTHING, (404, 405, 413, 422, 429, 500, 503))


def gate(gate: Gate, on: On = On.NOTHING) -> dict[str, Any]:
    """Declare a route that is let in by other means than an action."""
    return _declared(gate, on, _CHANGES)


def _declared(action: str, on: On, statuses: tuple[int, ...], *others: str) -> dict[str, Any]:
    actions = [str(action), *others]
    assert all(one in ACTIONS or one in set(Gate) for one in actions), actions
    return {
        "responses": documented(*statuses),
        "response_model_exclude_none": False,
        "openapi_extra": {"x-openleo-actions": actions, "x-openleo-on": str(on)},
    }


def rules_of(app: FastAPI) -> list[Rule]:
    """Return what every route of an app takes, by path; a route that does not say is a bug."""
    found = []
    for path, methods in app.openapi()["paths"].items():
        for method, told in methods.items():
            found.append(
                Rule(
                    method=method.upper(), path=path, actions=tuple(told["x-openleo-actions"]),
                    on=On(told["x-openleo-on"]), summary=told["description"].partition("\n")[0],
                )
            )  # fmt: skip
    return sorted(found, key=lambda rule: (rule.path, rule.method))


def operation_id(route: APIRoute) -> str:
    """Return a short name for a route: its function's."""
    return f"{route.tags[0]}-{route.name}" if route.tags else route.name
