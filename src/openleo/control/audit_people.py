"""Holding every entry against the people who decided it: signatures, two humans, and what was signed.

Keys and humans are those of the time: the entries before are replayed as we go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openleo.control.facts import Fact
from openleo.control.keys import is_signed
from openleo.control.log.audit import Findings
from openleo.control.roles import ROLES, needs_two

# What may set an area's switch; the rest may not even name it.
_SWITCHING = {
    "area.switched", "area.emergency-off", "area.emergency-reverted", "vendor.observed", "area.defined",
}  # fmt: skip
_CUT_STATES, _GONE = ("suspended", "held", "revoked", "captured"), ("revoked", "captured")
_LINE_ENDS = ("paused", "overage", "closed")
_PAIRED = {"area.switched": ("propose", "approve"), "area.emergency-confirmed": ("emergency", "confirm")}


@dataclass(slots=True)
class Known:
    """What the entries so far say of people, areas and requests."""

    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    areas: dict[str, dict[str, Any]] = field(default_factory=dict)
    critical: dict[str, dict[str, Any]] = field(default_factory=dict)  # terminals that lives depend on
    founded: bool = False


def check_entry(
    name: str,
    kind: str,
    body: Mapping[str, Any] | None,
    stored: Sequence[Fact],
    known: Known,
    found: Findings,
) -> None:
    """Check one entry, the next in order; ``body`` is None where it was erased."""
    if body is not None:
        _check_signatures(name, body, known, found)
        for fact in stored:
            _check_fact(name, kind, body, fact, known, found)
        if kind in _PAIRED:
            _need_humans(name, body, _PAIRED[kind], known, found)
    for fact in stored:
        if fact.noun == "person":
            known.people.setdefault(fact.id, {}).update(fact.changes)
        elif fact.noun == "area":
            known.areas.setdefault(fact.id, {}).update(fact.changes)
        elif fact.noun == "terminal" and (fact.changes.get("life_critical") or fact.id in known.critical):
            known.critical.setdefault(fact.id, {}).update(fact.changes)
    known.founded = True


def _check_signatures(name: str, body: Mapping[str, Any], known: Known, found: Findings) -> None:
    for label, signature in body["signatures"].items():
        verb, _, person = label.partition(" ")
        key = known.people.get(person, {}).get("public_key")
        if is_signed(key, f"{verb}\n{body['signed']}".encode(), signature):
            found.count("signatures")
        else:
            found.fail(name, f"the signature `{label}` is not {person}'s over what was decided")


def _check_fact(
    name: str, kind: str, body: Mapping[str, Any], fact: Fact, known: Known, found: Findings
) -> None:
    if fact.noun == "area":
        _check_area(name, kind, body, fact, known, found)
    if fact.noun == "grant" and known.founded and _gives_half_of_a_pair(fact):
        _need_humans(name, body, ("propose", "approve"), known, found)
        holder = known.people.get(str(fact.changes["person_id"]), {})
        lines = {"grant": fact.id, "role": fact.changes["role"], "key": holder.get("public_key") or "none"}
        _need_lines(name, body, lines, found)
    if fact.noun in ("account", "area") and fact.changes.get("cut_terminals"):
        _need_humans(name, body, ("propose", "approve"), known, found)
    if _cuts_critical(fact, known):
        _need_humans(name, body, ("propose", "approve"), known, found)
    if (
        fact.noun == "person"
        and "public_key" in fact.changes
        and known.people.get(fact.id, {}).get("public_key")
    ):
        signed = body["signatures"]
        if f"key {fact.id}" not in signed:
            _need_humans(name, body, ("propose", "approve"), known, found)
        _need_lines(name, body, {"key": fact.changes["public_key"]}, found)


def _cuts_critical(fact: Fact, known: Known) -> bool:
    """Tell whether a fact, which spares nobody, ends the service of a terminal that lives depend on."""
    changes = fact.changes
    if fact.noun == "terminal":
        of_it = known.critical.get(fact.id, {})
        ends = changes.get("state") in _CUT_STATES or changes.get("life_critical") is False
        ends = ends or bool({"account_id", "line_id"} & changes.keys())
        return bool(of_it.get("life_critical")) and ends
    if fact.noun not in ("line", "list"):
        return False
    using = {
        name: t
        for name, t in known.critical.items()
        if t.get("life_critical") and t.get("state") not in _GONE
    }
    if fact.noun == "line":
        return changes.get("status") in _LINE_ENDS and any(
            t.get("line_id") == fact.id for t in using.values()
        )
    named = bool(using.keys() & set(changes.get("terminals") or ()))
    owned = any(t.get("account_id") in (changes.get("accounts") or ()) for t in using.values())
    return changes.get("kind") == "block" and (named or owned)


def _gives_half_of_a_pair(fact: Fact) -> bool:
    role = fact.changes.get("role")
    return role in ROLES and needs_two(str(role))


def _check_area(
    name: str, kind: str, body: Mapping[str, Any], fact: Fact, known: Known, found: Findings
) -> None:
    area, changes = known.areas.get(fact.id, {}), fact.changes
    switch = changes.get("switch", changes.get("wanted"))
    if switch is not None and kind not in _SWITCHING:
        found.fail(name, f"{kind} switches area {fact.id}, which it cannot")
    if kind == "area.defined" and switch != "inherit":
        found.fail(name, f"area {fact.id} was made {switch}, which nobody decided")
    if kind == "area.switched":
        asked = body["action"]
        _need_lines(
            name, body, {"switch": asked, "area": f"{fact.id} at version {area.get('version')}"}, found
        )
        if asked not in ("as-is", switch):
            found.fail(name, f"area {fact.id} is switched {switch}, and {asked} was signed")
    if kind == "area.emergency-off":
        _need_lines(name, body, {"switch": "off", "emergency": "yes"}, found)
        if not any(label.startswith("emergency ") for label in body["signatures"]):
            found.fail(name, "an emergency that nobody signed")
    if kind == "area.emergency-reverted" and (switch != "on" or not area.get("emergency")):
        found.fail(name, f"area {fact.id} reverts, and no emergency was open on it")
    if kind == "vendor.observed" and switch is not None and switch != area.get("wanted"):
        found.fail(name, f"area {fact.id} was observed {switch}, and {area.get('wanted')} was decided")
    found.count("area changes")


def _need_humans(
    name: str, body: Mapping[str, Any], verbs: Sequence[str], known: Known, found: Findings
) -> None:
    """Note a failure unless each verb is signed, and by another human."""
    signers = {label.partition(" ")[0]: label.partition(" ")[2] for label in body["signatures"]}
    missing = [verb for verb in verbs if verb not in signers]
    if missing:
        found.fail(name, f"it takes two people, and nobody signed to {missing[0]}")
        return
    humans = {known.people.get(signers[verb], {}).get("human", signers[verb]) for verb in verbs}
    if len(humans) < len(verbs):
        found.fail(name, f"it takes two people, and {' and '.join(signers[v] for v in verbs)} are one human")
    found.count("pairs")


def _need_lines(name: str, body: Mapping[str, Any], lines: Mapping[str, object], found: Findings) -> None:
    """Note a failure unless the signed text says so."""
    said = dict(line.split(": ", 1) for line in str(body["signed"]).splitlines() if ": " in line)
    for key, value in lines.items():
        if said.get(key) != str(value):
            found.fail(name, f"{key} {value} was done, and {said.get(key)} was signed")
