"""An explanation in words."""

from collections import Counter
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

_WIDTH = 110
_LABEL = 13
_HIDDEN = ("below the minimum elevation",)  # too many and too plain to list one by one
_SHOWN = 24


def explanation_lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of what `openleo.results.evidence` found."""
    yield found["banner"]
    yield f"{_headline(found)}"
    yield ""
    if "terminal" in found:
        yield from _terminal_lines(found)
    yield from _cell_lines(found["cell"])
    if "terminal" not in found:
        yield from _policy_lines(found)
    if found["candidates"]:
        yield ""
        yield from _candidate_lines(found["candidates"])
    yield ""
    yield from _outcome_lines(found)
    verdict_fault = found["verdict"]["fault"]
    for fault in found["faults"]:
        if verdict_fault is not None and fault["name"] == verdict_fault["name"]:
            continue  # told just above
        text = f"{fault['name']} ({fault['kind']} {fault['target']})".replace(" )", ")")
        text += f" until {fault['until']}"
        yield from _labelled("fault holds", text + (f": {fault['why']}" if fault["why"] else ""))
    yield from _assumption_lines(found["assumptions"])


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _headline(found: dict[str, Any]) -> str:
    verdict = found["verdict"]
    who = found["terminal"]["id"] if "terminal" in found else f"cell {found['cell']['h3']}"
    at = f"{who} at {found['start']} (slot {found['slot']}, 15 s)"
    if verdict["cause"] == "ONLINE":
        return f"{at}: ONLINE" if "terminal" in found else f"{at}: SERVED"
    if verdict["online"]:
        return f"{at}: online {verdict['online_s']} of 15 s; else {verdict['cause']}: {verdict['meaning']}"
    if verdict["cause"] == "IDLE":
        return f"{at}: nobody here may be served or asks"
    return f"{at}: DARK, {verdict['cause']}: {verdict['meaning']}"


def _labelled(label: str, text: str) -> Iterator[str]:
    for n, line in enumerate(wrap(text, _WIDTH - _LABEL, break_on_hyphens=False, break_long_words=False)):
        yield f"{label if n == 0 else '':<{_LABEL}}{line}"


def _terminal_lines(found: dict[str, Any]) -> Iterator[str]:
    terminal, policy, own = found["terminal"], found["policy"], found["own"]
    where = f"{terminal['latitude_deg']:.4f}, {terminal['longitude_deg']:.4f}"
    text = f"{terminal['kind']}, account {terminal['account']}, group {terminal['group']}, at {where}"
    if terminal["moving"]:
        text += f" (last reported {terminal['since']}), {terminal['speed_kmh']:g} km/h"
    yield from _labelled("terminal", text)
    yield from _labelled(
        "policy", policy["text"] if policy["allowed"] else f"refused by rule {policy['text']}"
    )
    power = {
        "on": "it has power",
        "off": f"no power: fault {own['fault']}",
        "booting": f"starting up after fault {own['fault']}",
    }[own["power"]]
    if own["backup_hours"]:
        power += f"; its battery lasts {own['backup_hours']:g} h"
    yield from _labelled("power", power)
    for told in own["told"]:
        yield from _labelled("told", _TOLD[told["command"]].format(**told))
    if own["blocked_seconds"]:
        text = f"obstacles hide its satellite in seconds {_ranges(own['blocked_seconds'])} of 0-14"
        yield from _labelled("horizon", text)
    elif own["horizon_mask"]:
        yield from _labelled("horizon", "obstacles around it, none in the way in this slot")


_TOLD = {
    "stow": "to stow, since {at}",
    "reboot": "to restart, at {at}",
    "sleep": "to sleep from {from} to {until} UTC each day, since {at}",
}


def _ranges(numbers: list[int]) -> str:
    """Write sorted numbers as 0-3, 7."""
    parts: list[list[int]] = []
    for n in numbers:
        if parts and parts[-1][1] == n - 1:
            parts[-1][1] = n
        else:
            parts.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def _cell_lines(cell: dict[str, Any]) -> Iterator[str]:
    text = f"{cell['h3']} about {cell['latitude_deg']:.3f}, {cell['longitude_deg']:.3f}"
    text += f" ({cell['country'] or 'at sea'})"
    if "funnel" not in cell:
        yield from _labelled("cell", f"{text}; {cell['meaning']}")
        return
    yield from _labelled("cell", f"{text}; traffic goes to {cell['home_pop']}")
    wants = "wants" if cell["asking"] == 1 else "want"
    text = f"{_counted(cell['asking'], 'terminal')} there {wants} service"
    if cell["of_them_background"]:
        text += f", {cell['of_them_background']:,} of them other users' (assumed)"
    if cell["cause"] == "ONLINE":
        text += f"; it has {_counted(cell['units'], 'beam unit')} from"
        text += f" {_counted(cell['satellites'], 'satellite')}"
        text += f", {cell['rate_mbps']:g} Mbit/s together"
    elif cell["cause"] != "IDLE":
        text += f"; none is served: {cell['cause']}, {cell['meaning']}"
    yield from _labelled("", text)
    funnel = cell["funnel"]
    text = (
        f"{_counted(funnel['above_horizon'], 'satellite')} above the horizon"
        f" > {funnel['in_service_above_min_elevation']} in service and high enough for the whole slot"
        f" > {funnel['outside_gso_exclusion']} away from the geostationary arc"
        f" > {funnel['in_field_of_view']} in the terminals' view"
        f" > {funnel['with_a_way_to_the_pop']} with a way to the point of presence"
    )
    yield from _labelled("sky", text)
    if cell["reason"]:
        yield from _labelled("", cell["reason"])


def _policy_lines(found: dict[str, Any]) -> Iterator[str]:
    """Say what policy says to terminals that stand in the cell: in one line where it is the same to all."""
    entries = found["policy_here"]
    for n, entry in enumerate(entries):
        who = "" if len(entries) == 1 else f"accounts {', '.join(entry['accounts'])}: "
        text = entry["text"] if entry["rule"] is None else f"refused by rule {entry['text']}"
        yield from _labelled("policy" if n == 0 else "", who + text)


def _candidate_lines(candidates: list[dict[str, Any]]) -> Iterator[str]:
    listed = [c for c in candidates if c["verdict"] not in _HIDDEN]
    if listed:
        width = max(len("satellite"), *(len(c["satellite"]) for c in listed[:_SHOWN]))
        yield f"{'satellite':<{width}}  elevation  azimuth  off arc  verdict"
    for c in listed[:_SHOWN]:
        units = f", {_counted(c['units'], 'unit')}" if c["units"] else ""
        stays = ", served in the slot before" if c["was_serving"] else ""
        ways = (
            f" (gateways {', '.join(c['gateways'][:3])})"
            if c["gateways"] and c["utility"] is not None
            else ""
        )
        yield (
            f"{c['satellite']:<{width}}  {c['elevation_deg'][1]:6.1f} deg  {c['azimuth_deg'][1]:3.0f} deg"
            f"  {c['gso_separation_deg']:3.0f} deg  {c['verdict']}{units}{stays}{ways}"
        )
    rest = Counter(
        c["verdict"] for c in [*listed[_SHOWN:], *(c for c in candidates if c["verdict"] in _HIDDEN)]
    )
    for verdict, count in sorted(rest.items()):
        yield f"and {count} more: {verdict}"


def _outcome_lines(found: dict[str, Any]) -> Iterator[str]:
    serving, verdict = found["serving"], found["verdict"]
    if serving is not None:
        places = ", ".join(f"{unit['dwell']}/{unit['channel']}" for unit in serving["units"])
        yield from _labelled("satellite", f"{serving['satellite']} (shell {serving['shell']})")
        yield from _labelled(
            "beam",
            f"{_counted(len(serving['units']), 'unit')}, {serving['rate_mbps']:g} Mbit/s"
            f" (dwell/channel {places}; a slot has {serving['dwells_in_slot']} dwells)",
        )
        if serving["others"]:
            others = [f"{o['satellite']} ({_counted(o['units'], 'unit')})" for o in serving["others"]]
            yield from _labelled("", f"its cell is also served by {', '.join(others)}")
        yield from _labelled("gateway", _gateway(serving, found["cell"]["home_pop"]))
        yield from _labelled(
            "round trip",
            f"{serving['rtt_ms']:.1f} ms = 2 x ({serving['user_ms']:.2f} up + {serving['feeder_ms']:.2f} down"
            f" + {serving['fibre_ms']:.2f} fibre) + {serving['access_ms']:g} access",
        )
    if found["contention"] is not None:
        yield from _labelled("what if", found["contention"]["text"])
    if verdict["cause"] != "ONLINE":
        yield from _labelled("cause", f"{verdict['cause']}: {verdict['meaning']}")
    fault = verdict["fault"]
    if fault is not None:
        text = f"{fault['name']} ({fault['kind']} {fault['target']})".replace(" )", ")")
        yield from _labelled("because of", f"fault {text}" + (f": {fault['why']}" if fault["why"] else ""))


def _gateway(serving: dict[str, Any], pop: str) -> str:
    text = f"{serving['gateway']}, on to {pop}"
    for g in serving["gateways"]:
        if g["used"]:
            text += (
                f"; the satellite stands {g['elevation_deg']:.1f} deg high there (at least"
                f" {g['min_elevation_deg']:g}); {g['antennas_in_use']} of {g['antennas']} antennas in use"
            )
    return text + (f"; {serving['why_gateway']}" if serving["why_gateway"] else "")


def _assumption_lines(assumptions: list[dict[str, Any]]) -> Iterator[str]:
    if not assumptions:
        return
    yield ""
    yield f"this rests on assumptions; to switch one off: {assumptions[0]['switch_off']}"
    for a in assumptions:
        text = f"  {a['id']}, {a['confidence']} confidence: {a['text']}; source: {a['source']}"
        yield from wrap(
            text, _WIDTH, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
        )
