"""How each route is asked for something in a given area: the recipes of the authorization matrix."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from api_world import World

from openleo.control.plane import SYSTEM, Tx
from openleo.control.schema import claim_codes, claims, incidents

# Seen from the area `own` on which a person has a role: it, another, the one around it, one inside it.
TREE: Mapping[str, str | None] = {"parent": None, "own": "parent", "child": "own", "other": "parent"}
SIGNATURE, KEY = "A" * 86 + "==", "A" * 43 + "="
NOWHERE = 999_999  # a version that nothing has: who may act is told so, and nothing changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request about an area; ``hidden``: to those who may not, it is not there."""

    path: str
    body: Any = None
    match: int | None = None
    hidden: bool = False


Recipe = Callable[[str], Ask]


def make_world(world: World) -> None:
    """Make one of everything in each area."""
    owner = world["amina"]
    for n, (area, parent) in enumerate(TREE.items()):
        made = owner.post("/v1/areas", {"id": area, "parent": parent, "cells": ["851e6387fffffff"]})
        assert made.status_code == 201, made.text
        asked = owner.post("/v1/requests", {"area": area, "switch": "on", "reason": "needed"})
        assert asked.json()["id"] == f"r-{n + 1}"
        world.add(
            "terminal", f"ut-{area}", serial=f"S-{area}", kind="standard", area_id=area,
            state="stocked", holder="depot", life_critical=False, name="",
        )  # fmt: skip
        world.plane.act(SYSTEM, lambda tx, area=area, n=n: _rows(tx, area, n))  # type: ignore[misc]
        world.add_person(f"someone-{area}", "viewer", area)
    world.add_person("oksana")
    for noun, columns in {
        "account": {"title": "", "status": "active", "reason": "", "cut_terminals": []},
        "plan": {"title": "", "ocean": True, "active": True},
        "list": {"kind": "allow", "country": "UA", "accounts": [], "terminals": [], "active": True},
    }.items():
        world.add(noun, "some", **columns)
    world.add("line", "some", account_id="some", plan_id="some", status="active")


def _rows(tx: Tx, area: str, n: int) -> None:
    """Write what no decision makes: a claim, an offered key, an incident."""
    tx.conn.execute(
        claims.insert().values(
            id=f"c-{n + 1}", said_by="somebody", text="it is off", source="a paper", said_on="2026-02-01",
            status="asserted", area_id=area, recorded_by="amina", recorded_at=tx.now, version=1,
        )
    )  # fmt: skip
    tx.conn.execute(
        claim_codes.insert().values(
            id=f"code{n}", terminal_id=f"ut-{area}", hash="", made_by="amina", expires_at=tx.now,
            used_at=tx.now, offered_key=KEY,
        )
    )  # fmt: skip
    details = {"terminals": 1, "areas": [area], "times": 1, "latest": []}
    tx.conn.execute(
        incidents.insert().values(
            id=f"i-{n + 1}", kind="clone", key=f"ut-{area}", from_at=tx.now, until_at=tx.now, details=details
        )
    )


def _request(area: str) -> str:
    return f"/v1/requests/r-{list(TREE).index(area) + 1}"


def _entry(area: str) -> str:
    """Return the entry that made an area: 0 founded the network, and each area brings five entries."""
    return f"/v1/log/entries/{1 + 4 * list(TREE).index(area)}"


def _claim(area: str) -> str:
    return f"/v1/claims/c-{list(TREE).index(area) + 1}"


def _terminal(verb: str, body: Any = None, *, method_is_get: bool = False) -> Recipe:
    match = None if method_is_get else NOWHERE
    return lambda area: Ask(path=f"/v1/terminals/ut-{area}{verb}", body=body, match=match)


def _many(path: str, body: Any, query: str = "") -> Recipe:
    def recipe(area: str) -> Ask:
        which = {"ids": [f"ut-{area}"]}
        return Ask(
            path=f"/v1/terminal-acts/{path}{query}", body={"which": which, "body": body} if body else which
        )

    return recipe


def _fixed(path: str, body: Any = None, match: int | None = None) -> Recipe:
    return lambda area: Ask(path=path, body=body, match=match)


_PASSING, _SERVING, _CUTTING = {"holder": "depot", "note": "n"}, {"reason": "r"}, {"reason": "r"}
_CAPTURING = {"reason": "r", "since": "2026-02-01T00:00:00Z"}
_BODIES = {
    **dict.fromkeys(("ship", "receive", "hand", "lose", "find"), _PASSING),
    **dict.fromkeys(("activate", "resume", "release", "restore"), _SERVING),
    **dict.fromkeys(("suspend", "hold", "revoke"), _CUTTING), "capture": _CAPTURING,
}  # fmt: skip
_JOB = {"action": "unstow", "where": "all", "reason": "r"}
_SIGNED = {"signature": SIGNATURE}

RECIPES: Mapping[str, Recipe] = {
    "GET /metrics": _fixed("/metrics"),
    "GET /v1/accounts": _fixed("/v1/accounts"),
    "POST /v1/accounts": _fixed("/v1/accounts", {"id": "some"}),
    "GET /v1/accounts/{account}": _fixed("/v1/accounts/some"),
    "PUT /v1/accounts/{account}/status": _fixed(
        "/v1/accounts/some/status", {"status": "closed", "reason": "r"}, NOWHERE
    ),
    "GET /v1/accounts/{account}/status/to-sign": _fixed("/v1/accounts/some/status/to-sign?status=closed"),
    "POST /v1/areas": lambda area: Ask(
        path="/v1/areas", body={"id": "own", "parent": area, "cells": ["851e6387fffffff"]}
    ),
    "GET /v1/areas/{area_id}": lambda area: Ask(path=f"/v1/areas/{area}"),
    "PATCH /v1/areas/{area_id}": lambda area: Ask(
        path=f"/v1/areas/{area}", body={"title": "t"}, match=NOWHERE
    ),
    "GET /v1/areas/{area_id}/cells": lambda area: Ask(path=f"/v1/areas/{area}/cells"),
    "GET /v1/areas/{area_id}/emergency-off": lambda area: Ask(
        path=f"/v1/areas/{area}/emergency-off?reason=r"
    ),
    "POST /v1/areas/{area_id}/emergency-off": lambda area: Ask(
        path=f"/v1/areas/{area}/emergency-off", body={"reason": "r", **_SIGNED}, match=NOWHERE
    ),
    "GET /v1/areas/{area_id}/history": lambda area: Ask(path=f"/v1/areas/{area}/history"),
    "POST /v1/areas/{area_id}/vendor": lambda area: Ask(
        path=f"/v1/areas/{area}/vendor", body={"step": "sent"}, match=NOWHERE
    ),
    "POST /v1/claims": lambda area: Ask(
        path="/v1/claims",
        body={"said_by": "x", "text": "t", "source": "s", "said_on": "2199-01-01", "area": area},
    ),
    "GET /v1/claims/{claim}": lambda area: Ask(path=_claim(area), hidden=True),
    "POST /v1/claims/{claim}/turns": lambda area: Ask(
        path=f"{_claim(area)}/turns", body={"status": "denied", "note": "n", "source": "s"}, match=NOWHERE,
        hidden=True,
    ),
    "POST /v1/grants": lambda area: Ask(
        path="/v1/grants", body={"person": f"someone-{area}", "role": "viewer", "area": area}
    ),
    "GET /v1/grants/to-sign": lambda area: Ask(
        path=f"/v1/grants/to-sign?person=oksana&role=viewer&area={area}"
    ),
    "POST /v1/grants/{grant}/revocation": lambda area: Ask(
        path=f"/v1/grants/g-someone-{area}/revocation", body={}, match=NOWHERE
    ),
    "GET /v1/fleet": _fixed("/v1/fleet"),
    "GET /v1/fleet/filters": _fixed("/v1/fleet/filters"),
    "PUT /v1/fleet/filters/{name}": _fixed("/v1/fleet/filters/some", {"where": "dark"}),
    "POST /v1/fleet/filters/{name}/removal": _fixed("/v1/fleet/filters/none/removal", {}),
    "GET /v1/fleet/jobs": _fixed("/v1/fleet/jobs"),
    "GET /v1/fleet/jobs/{job}": _fixed("/v1/fleet/jobs/j-some"),
    "POST /v1/fleet/jobs": _fixed("/v1/fleet/jobs", _JOB),
    "POST /v1/fleet/jobs/preview": _fixed("/v1/fleet/jobs/preview", _JOB),
    "POST /v1/fleet/jobs/{job}/stop": _fixed("/v1/fleet/jobs/j-some/stop", {"reason": "r"}),
    "POST /v1/fleet/jobs/{job}/resume": _fixed("/v1/fleet/jobs/j-some/resume", {"reason": "r"}),
    "GET /v1/fleet/terminals": _fixed("/v1/fleet/terminals"),
    "GET /v1/fleet/terminals/{terminal}": _fixed("/v1/fleet/terminals/ut-1"),
    "GET /v1/fleet/usage": _fixed("/v1/fleet/usage?days=1"),
    "GET /v1/fleet/versions": _fixed("/v1/fleet/versions"),
    "GET /v1/lines": _fixed("/v1/lines"),
    "POST /v1/lines": _fixed("/v1/lines", {"id": "some", "account": "some"}),
    "GET /v1/lines/{line}": _fixed("/v1/lines/some"),
    "PUT /v1/lines/{line}": _fixed("/v1/lines/some", {"account": "some"}, NOWHERE),
    "PUT /v1/lines/{line}/status": _fixed("/v1/lines/some/status", {"status": "paused"}, NOWHERE),
    "GET /v1/lines/{line}/status/to-sign": _fixed("/v1/lines/some/status/to-sign?status=paused"),
    "GET /v1/lists": _fixed("/v1/lists"),
    "GET /v1/lists/{list}": _fixed("/v1/lists/some"),
    "PUT /v1/lists/{list}": _fixed(
        "/v1/lists/some", {"kind": "allow", "country": "UA", "reason": "r"}, NOWHERE
    ),
    "POST /v1/lists/{list}/lifting": _fixed("/v1/lists/some/lifting", {}, NOWHERE),
    "POST /v1/lists/{list}/to-sign": _fixed(
        "/v1/lists/some/to-sign", {"kind": "allow", "country": "UA", "reason": "r"}
    ),
    "POST /v1/log/disclosures": lambda area: Ask(
        path="/v1/log/disclosures", body={"fields": ["area"], "to": "x", "reason": "r", "area": area}
    ),
    "PUT /v1/log/embargo-days": _fixed("/v1/log/embargo-days", {"days": 7, "reason": "r"}),
    "GET /v1/log/entries/{index}": lambda area: Ask(path=_entry(area), hidden=True),
    "PUT /v1/log/entries/{index}/embargo": lambda area: Ask(
        path=f"{_entry(area)}/embargo", body={"until": "2027-01-01T00:00:00Z", "reason": "r"}
    ),
    "GET /v1/people": _fixed("/v1/people"),
    "POST /v1/people": _fixed("/v1/people", {"id": "oksana"}),
    "GET /v1/people/{person}": _fixed("/v1/people/oksana"),
    "POST /v1/people/{person}/deactivation": _fixed(
        "/v1/people/oksana/deactivation", {"reason": "r"}, NOWHERE
    ),
    "GET /v1/people/{person}/grants": _fixed("/v1/people/oksana/grants"),
    "PUT /v1/people/{person}/key": _fixed("/v1/people/oksana/key", {"public_key": KEY}),
    "GET /v1/people/{person}/key/to-sign": _fixed(f"/v1/people/oksana/key/to-sign?public_key={quote(KEY)}"),
    "PUT /v1/people/{person}/password": _fixed(
        "/v1/people/oksana/password", {"password": "four words no one guesses"}
    ),
    "GET /v1/people/{person}/tokens": _fixed("/v1/people/oksana/tokens"),
    "POST /v1/people/{person}/tokens": _fixed("/v1/people/oksana/tokens", {}),
    "GET /v1/people/{person}/tokens/to-sign": _fixed("/v1/people/oksana/tokens/to-sign"),
    "GET /v1/plans": _fixed("/v1/plans"),
    "GET /v1/plans/{plan}": _fixed("/v1/plans/some"),
    "PUT /v1/plans/{plan}": _fixed("/v1/plans/some", {}, NOWHERE),
    "GET /v1/position-reads": lambda area: Ask(path=f"/v1/position-reads?terminal=ut-{area}"),
    "POST /v1/requests": lambda area: Ask(
        path="/v1/requests", body={"area": area, "switch": "on", "reason": " "}
    ),
    "GET /v1/requests/{request_id}": lambda area: Ask(path=_request(area), hidden=True),
    "GET /v1/areas/{area_id}/effect": lambda area: Ask(path=f"/v1/areas/{area}/effect?switch=off"),
    "GET /v1/requests/{request_id}/effect": lambda area: Ask(path=f"{_request(area)}/effect", hidden=True),
    "POST /v1/requests/{request_id}/remarks": lambda area: Ask(
        path=f"{_request(area)}/remarks", body={"text": "t"}
    ),
    "POST /v1/requests/{request_id}/withdrawal": lambda area: Ask(
        path=f"{_request(area)}/withdrawal", body={}
    ),
    **{
        f"POST /v1/requests/{{request_id}}/{act}": (
            lambda area, act=act, body=body: Ask(  # type: ignore[misc]
                path=f"{_request(area)}/{act}", body=body, match=NOWHERE
            )
        )
        for act, body in {
            "proposal": _SIGNED, "approval": _SIGNED, "confirmation": _SIGNED, "refusal": {"reason": "r"},
        }.items()
    },
    **{
        f"POST /v1/terminals/{{terminal}}/{verb}": _terminal(f"/{verb}", body)
        for verb, body in _BODIES.items()
    },
    **{f"POST /v1/terminal-acts/{verb}": _many(verb, body) for verb, body in _BODIES.items()},
    **{
        f"POST /v1/terminal-acts/{verb}/to-sign": _many(f"{verb}/to-sign", None, "?reason=r")
        for verb in ("suspend", "hold", "revoke", "capture")
    },
    "POST /v1/terminal-acts/claim-codes": _many("claim-codes", None),
    "POST /v1/terminals": lambda area: Ask(
        path=f"/v1/terminals?area={area}", body={"terminals": [{"id": "ut-own", "kind": "standard"}]}
    ),
    "PATCH /v1/terminals/{terminal}": _terminal("", {"account": "some", "reason": "r"}),
    "PUT /v1/terminals/{terminal}/place": _terminal("/place", {"name": "n", "reason": "r"}),
    "POST /v1/terminals/{terminal}/change/to-sign": _terminal(
        "/change/to-sign", {"account": "some", "reason": "r"}
    ),
    "GET /v1/terminals/{terminal}": _terminal("", method_is_get=True),
    "GET /v1/terminals/{terminal}/custody": _terminal("/custody", method_is_get=True),
    "POST /v1/terminals/{terminal}/key": _terminal("/key", {"key": KEY}),
    "POST /v1/terminals/{terminal}/position": lambda area: Ask(
        path=f"/v1/terminals/ut-{area}/position", body={"why": "w"}
    ),
    "POST /v1/tokens/{token}/revocation": _fixed("/v1/tokens/t-oksana-1/revocation", {}),
    "GET /v1/who-can": lambda area: Ask(path=f"/v1/who-can?action=area.read&area={area}"),
}  # fmt: skip

# Lists show each thing to those who may read it: how a thing of the list tells its area.
LISTS: Mapping[str, Callable[[Any], str]] = {
    "GET /v1/areas": lambda one: one["id"],
    "GET /v1/claims": lambda one: one["area"],
    "GET /v1/incidents": lambda one: one["details"]["areas"][0],
    "GET /v1/log/entries": lambda one: one["area_id"],
    "GET /v1/requests": lambda one: one["area"],
    "GET /v1/terminal-keys": lambda one: one["terminal"].removeprefix("ut-"),
    "GET /v1/terminals": lambda one: one["area_id"],
}

__all__ = ["LISTS", "NOWHERE", "RECIPES", "TREE", "Ask", "make_world"]
