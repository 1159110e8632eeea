"""Write docs/authorization.md from the roles and the routes; a test holds the page to what this gives."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from openleo.api.app import create_app
from openleo.api.fleet_shown import FleetShown
from openleo.api.routes import On, Rule, rules_of
from openleo.api.watching import Watching
from openleo.control.founding import found_network
from openleo.control.network import Network, NetworkKind
from openleo.control.plane import Plane
from openleo.control.roles import ACTIONS, ROLES, needs_two
from openleo.results.folder import RunFolder

PAGE = Path(__file__).resolve().parent / "authorization.md"

ABOUT = """\
# Who may do what

This page is written by `docs/write_authorization.py`; a test holds it to the code.

A *grant* gives a person a role over an area and every area inside it, or over the whole network. Nothing is
allowed without one. An action on an area needs a grant of a role that holds the action over that area or one
around it; an action on the whole network needs a grant over the whole network. A refusal says which role was
missing where; `openleo who-can ACTION AREA` and `GET /v1/who-can` list who holds it, and by which grant.

A grant over an area reaches down, never up or sideways:

| role over | own area | area inside it | area around it | another area | the whole network |
| --- | --- | --- | --- | --- | --- |
| an area | yes | yes | no | no | no |
| the whole network | yes | yes | yes | yes | yes |

Lists are filtered by the same grants. What is need-to-know (requests, claims, entries of the log) is *not
there* (404) for those who may not read it; everything else is refused (403) with the reason. People always
see and withdraw their own requests, and see and change their own key, password and tokens.

Having the action is not always enough. A switch takes two humans who both sign; cutting off a life-critical
terminal takes two who name it; a role that decides is given by two; nobody gives what they lack.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([ABOUT, *_roles(), "", *_routes()]) + "\n"


def _roles() -> Iterator[str]:
    yield "## Roles"
    yield ""
    yield "A role marked * is given by two people."
    yield ""
    yield "| action | what it lets one do | " + " | ".join(_heading(role) for role in ROLES) + " |"
    yield "| --- | --- |" + " --- |" * len(ROLES)
    for action, meaning in ACTIONS.items():
        cells = " | ".join("yes" if action in held else "" for held in ROLES.values())
        yield f"| `{action}` | {meaning} | {cells} |"


def _heading(role: str) -> str:
    return f"{role}*" if needs_two(role) else role


def _routes() -> Iterator[str]:
    yield "## Routes"
    yield ""
    yield "| method | route | takes | on | what it does |"
    yield "| --- | --- | --- | --- | --- |"
    for rule in _rules():
        takes = " or ".join(f"`{a}`" if a in ACTIONS else a for a in rule.actions)
        on = "" if rule.on is On.NOTHING else str(rule.on)
        yield f"| {rule.method} | `{rule.path}` | {takes} | {on} | {rule.summary} |"


def _rules() -> list[Rule]:
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "control"
        network = Network(name="docs", kind=NetworkKind.SIMULATED, origin="openleo.docs/log")
        found_network(where, network, {"amina": "amina", "jonas": "jonas"})
        with Plane.open(where) as plane:
            watching, shown = (
                Watching(folder=RunFolder(Path(folder))),
                FleetShown(folder=Path(folder) / "fleet"),
            )
            return rules_of(create_app(plane, watching=watching, shown=shown))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
