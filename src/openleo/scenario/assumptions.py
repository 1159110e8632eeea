"""Switching assumptions: what a scenario becomes when one of them is off."""

from collections.abc import Iterable, Mapping
from typing import Any

from openleo.base.digits import whole
from openleo.base.errors import BadInput, did_you_mean

_LISTS = (
    "terminals", "background", "areas", "switches", "accounts", "plans", "lists", "limits", "withdrawals",
    "faults",
)  # fmt: skip
_NAME_KEYS = ("name", "id")
_OPEN = ("home", "disputed")  # tables keyed by countries or areas: any key may be new


def switch(document: dict[str, Any], ids: Iterable[str], *, enabled: bool) -> None:
    """Switch assumptions on or off by id, in place.  Raises BadInput for an unknown id."""
    by_id = {a["id"]: a for a in document.get("assumptions", ())}
    for name in ids:
        if name not in by_id:
            raise BadInput(f"the scenario has no assumption {name!r}", did_you_mean(name, by_id))
        by_id[name]["enabled"] = enabled


def leave_out(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document without what its disabled assumptions carry and with what they change when off.

    What rests on an area that is left out goes too; an account that is left out counts as active, and who has
    a plan that is left out has none.
    """
    assumptions = document.get("assumptions", ())
    off = {a["id"] for a in assumptions if not a["enabled"]}
    out = dict(document)
    for key in _LISTS:
        out[key] = [dict(item) for item in document.get(key, ()) if item["assumption"] not in off]
    gone = {a["name"] for a in document.get("areas", ())} - {a["name"] for a in out["areas"]}
    _drop_areas(out, gone, document.get("areas", ()))
    _drop_plans_and_groups(out)
    accounts = {a["name"] for a in out["accounts"]}
    for account in document.get("accounts", ()):
        if account["name"] not in accounts:
            accounts.add(account["name"])
            out["accounts"].append({"name": account["name"]})
    out["gateways"] = gateways = dict(document["gateways"])
    for key in ("include", "extra"):
        if not isinstance(gateways[key], str):
            gateways[key] = [g for g in gateways[key] if isinstance(g, str) or g["assumption"] not in off]
    for assumption in assumptions:
        if not assumption["enabled"]:
            for path, value in assumption["off"].items():
                set_at(out, path, value)
    out["assumptions"] = [{**a, "off": {}, "enabled": True} for a in assumptions if a["id"] not in off]
    return out


def _drop_plans_and_groups(out: dict[str, Any]) -> None:
    """Take plans that are left out from the groups that have them, and groups from lists that name them."""
    plans = {p["name"] for p in out["plans"]}
    groups = {g["name"] for g in out["terminals"]}
    for group in out["terminals"]:
        group["plan"] = group["plan"] if group["plan"] in plans else ""
    kept = []
    for one in out["lists"]:
        left = [n for n in one["groups"] if n in groups]
        if left or one["terminals"] or one["accounts"] or not one["groups"]:
            kept.append({**one, "groups": left})
    out["lists"] = kept


def _drop_areas(document: dict[str, Any], gone: set[str], whole: Iterable[Mapping[str, Any]]) -> None:
    """Remove areas by name from the lists that name them, and what has no area left; ``whole`` are all."""
    if not gone:
        return
    document["areas"] = [a for a in document["areas"] if not (a["union"] and set(a["union"]) <= gone)]
    names, parents = {a["name"] for a in document["areas"]}, {a["name"]: a["parent"] for a in whole}
    for area in document["areas"]:
        area["union"] = [n for n in area["union"] if n not in gone]
        while area["parent"] and area["parent"] not in names:
            area["parent"] = parents[area["parent"]]
    kept = []
    for group in document["terminals"]:
        inside = [n for n in group["inside"] if n not in gone]
        if inside or not group["inside"]:
            kept.append(
                {**group, "inside": inside, "outside": [n for n in group["outside"] if n not in gone]}
            )
    document["terminals"] = kept
    for block in document["background"]:
        block["outside"] = [n for n in block["outside"] if n not in gone]
    for key in ("switches", "limits", "faults"):
        document[key] = [item for item in document[key] if item["area"] not in gone]
    document["withdrawals"] = [
        w for w in document["withdrawals"] if w["by"] != "area" or w["target"] not in gone
    ]


def set_at(document: dict[str, Any], path: str, value: object) -> None:
    """Set the key at a dotted path in place; items of a list go by name, id or number.

    Raises BadInput for a path that leads nowhere.
    """
    parts = path.split(".")
    here: Any = document
    for depth, part in enumerate(parts[:-1]):
        holder, key = here, _key_in(here, part, ".".join(parts[: depth + 1]))
        here = holder[key]
        if isinstance(here, tuple):  # a frozen list becomes one that can be changed
            here = holder[key] = list(here)
        elif isinstance(here, dict):
            here = holder[key] = dict(here)
    last = parts[-1]
    if not (len(parts) > 1 and parts[-2] in _OPEN):
        last = _key_in(here, last, path)
    here[last] = value


def _key_in(here: Any, part: str, path: str) -> Any:
    if isinstance(here, dict):
        if part in here:
            return part
        raise BadInput(f"{path} is not a key of the scenario", did_you_mean(part, map(str, here)))
    if isinstance(here, list):
        names = {
            item[k]: n
            for n, item in enumerate(here)
            if isinstance(item, dict)
            for k in _NAME_KEYS
            if item.get(k)
        }
        if part in names:
            return names[part]
        number = whole(part)
        if number is not None and number < len(here):
            return number
        raise BadInput(f"{path} names no item of the scenario", did_you_mean(part, map(str, names)))
    raise BadInput(
        f"{path} is not a key of the scenario: what comes before it is a single value", "shorten it"
    )
