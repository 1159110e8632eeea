"""The chain of evidence for one terminal or cell in one slot: plain data, in the edge's units.

What the run wrote is read from its tables.  What it did not write, the candidates one by one, is computed
again by the engine from the state saved with the chunk; both are the same run, to the byte.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from openleo.base.clock import format_utc, slot_start
from openleo.base.errors import BadInput
from openleo.ground.cells import cell_centre_deg, cell_name
from openleo.results.assumptions import Involved, assumptions_of
from openleo.results.holding import faults_on
from openleo.results.moment import Moment, line_of, moment_of
from openleo.results.own import own_state
from openleo.results.way import gateways_of, why_gateway
from openleo.results.words import reason_of, sentence_of
from openleo.snapshot.causes import MEANING, Cause, Reason, is_policy, needs_schedule

if TYPE_CHECKING:
    from openleo.engine import Inspection, Look, State
    from openleo.results.run import Run

RELAXED = {
    Cause.NO_ANTENNA: "with more gateway antennas",
    Cause.NO_BEAM: "with more beams on the satellites",
    Cause.NO_CHANNEL: "with co-frequency beams allowed to overlap",
}


def explain_terminal(run: "Run", terminal: int, slot: int) -> dict[str, Any]:
    """Return why a terminal (row) was online or dark in a slot, link by link."""
    moment = moment_of(run, slot)
    line = line_of(run, moment, terminal)
    cell, cause = int(line["cell"]), Cause[line["cause"]]
    looked = _look(run, moment, cell)
    found = _cell_found(run, looked)
    row = run.terminals.row(terminal, named=True)
    found["verdict"] = _verdict(looked, cause, int(line["online_s"]), _fault(run, line["fault"]), row["mask"])
    found["terminal"] = {
        "id": row["id"],
        "kind": row["kind"],
        "account": row["account"],
        "group": row["group"],
        **_position(moment, row, terminal),
    }
    found["policy"] = _policy(run, line["rule"], cause)
    hidden = cause == Cause.OBSTRUCTED and looked.row["cause"] == Cause.ONLINE
    found["own"] = own_state(run, terminal, slot, row, int(line["seconds"]) if hidden else None)
    found["serving"] = _serving(run, looked, line) if line["satellite"] else None
    found["faults"] = _faults(run, looked, [terminal])
    asked = not is_policy(cause) and cause not in {Cause.POWER_OFF, Cause.BOOTING}
    found["assumptions"] = assumptions_of(
        run,
        Involved(
            group=row["group"],
            rule=line["rule"],
            fault=line["fault"],
            gateways=_gateways_named(found) if asked else (),
            country=found["cell"]["country"],
            scheduled=asked,
            contended=needs_schedule(cause),
        ),
    )
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Looked:
    """A cell in a slot: its row, what the engine sees again, its beams."""

    moment: Moment
    before: "State"
    cell: int
    info: dict[str, Any]
    row: dict[str, Any]
    inspection: "Inspection"
    beams: pl.DataFrame

    @property
    def slot(self) -> int:
        return self.moment.slot


def _look(run: "Run", moment: Moment, cell: int) -> _Looked:
    from openleo.engine import inspect

    info = run.cell_index.row(cell, named=True)
    written = moment.cells.filter(pl.col("cell") == cell)
    if not len(written):
        raise BadInput(
            f"cell {info['h3']} has none of the scenario's terminals: nothing was written about it",
            "name a place or cell where there are some",
        )
    before = run.state_at(moment.slot)
    return _Looked(
        moment=moment,
        before=before,
        cell=cell,
        info=info,
        row=written.row(0, named=True),
        inspection=inspect(run.network, before, moment.slot, cell),
        beams=moment.beams.filter(pl.col("cell") == cell),
    )


def explain_cell(run: "Run", cell: int, slot: int) -> dict[str, Any]:
    """Return why a cell (row of cell_index) was served or not in a slot, link by link."""
    looked = _look(run, moment_of(run, slot), cell)
    found = _cell_found(run, looked)
    here = np.flatnonzero(looked.moment.cell_of(run) == cell).tolist()
    cause, policy = Cause[found["cell"]["cause"]], found["policy_here"]
    found["faults"] = _faults(run, looked, here)
    found["assumptions"] = assumptions_of(
        run,
        Involved(
            rule=policy[0]["rule"] if cause == Cause.IDLE else None,
            fault=run.faults["name"][looked.row["fault"]] if looked.row["fault"] >= 0 else None,
            gateways=_gateways_named(found),
            country=looked.info["country"],
            scheduled=cause != Cause.IDLE,
            contended=needs_schedule(cause),
        ),
    )
    return found


def _cell_found(run: "Run", looked: _Looked) -> dict[str, Any]:
    """Return the links that a cell and a terminal in it share."""
    row, info, slot = looked.row, looked.info, looked.slot
    cause = Cause(row["cause"])
    fault = run.faults["name"][row["fault"]] if row["fault"] >= 0 else None
    policy = policy_at(run, int(info["h3"], 16), slot)
    line = {
        "satellite": run.satellites["name"][row["satellite"]] if row["satellite"] >= 0 else None,
        "gateway": run.gateways["name"][row["gateway"]] if row["gateway"] >= 0 else None,
        "rtt_us": row["rtt_us"],
    }
    barred = _barred(policy) if cause == Cause.IDLE else cause
    verdict = _verdict(looked, barred, 15 if cause == Cause.ONLINE else 0, _fault(run, fault))
    return {
        "simulated": True,
        "banner": run.manifest["banner"],
        "run": _run(run),
        "slot": slot,
        "start": format_utc(slot_start(slot)),
        "verdict": verdict,
        "cell": _cell(run, looked, _verdict(looked, cause, 0, _fault(run, fault))["meaning"]),
        "candidates": _candidates(run, looked),
        "contention": _contention(cause, fault, row["with_route"]),
        "policy_here": policy,
        "serving": _serving(run, looked, line) if line["satellite"] and cause == Cause.ONLINE else None,
    }


def _gateways_named(found: dict[str, Any]) -> tuple[str, ...]:
    """Return the gateway of the way, else those that the candidates could use."""
    if found["serving"] is not None:
        return (found["serving"]["gateway"],)
    reached = [c["gateways"] for c in found["candidates"] if c["utility"] is not None]
    return tuple(dict.fromkeys(name for names in reached for name in names))


def _faults(run: "Run", looked: _Looked, terminals: list[int]) -> list[dict[str, Any]]:
    return faults_on(
        run, looked.slot, terminals=terminals, pop=looked.info["home_pop"], inspection=looked.inspection
    )


def explain_elsewhere(run: "Run", cell: int, slot: int) -> dict[str, Any]:
    """Return what can be said of a cell (H3 index) without terminals: what policy would say to one there."""
    centre, policy = cell_centre_deg([cell])[0], policy_at(run, cell, slot)
    country = int(run.world.country_of(np.array([cell], np.uint64))[0])
    return {
        "simulated": True,
        "banner": run.manifest["banner"],
        "run": _run(run),
        "slot": slot,
        "start": format_utc(slot_start(slot)),
        "verdict": _plain_verdict(_barred(policy)),
        "cell": {
            "h3": cell_name(cell),
            "latitude_deg": round(float(centre[0]), 5),
            "longitude_deg": round(float(centre[1]), 5),
            "country": run.world.country_names[country] if country >= 0 else "",
            "cause": Cause.IDLE.name,
            "meaning": "the scenario has no terminals here",
            "asking": 0,
        },
        "candidates": [],
        "contention": None,
        "policy_here": policy,
        "serving": None,
        "faults": [],
        "assumptions": assumptions_of(run, Involved(rule=policy[0]["rule"], scheduled=False)),
    }


def policy_at(run: "Run", cell: int, slot: int) -> list[dict[str, Any]]:
    """Return what the rules in force say to a terminal that stands in a cell (H3 index), by account.

    It is one at home, without a plan and on no list.  One entry for each rule that decides, and one for the
    accounts that none forbids; most accounts first.
    """
    world = run.world
    rules, accounts = world.rules_at(slot), world.account_names
    _, chosen = rules.decide(world.visitors(cell))
    found = []
    for rule in np.unique(chosen).tolist():
        who = [name for name, mine in zip(accounts, chosen == rule, strict=True) if mine]
        code = "OKAY" if rule == 0 else rules.rules[rule - 1].code.name
        named = rules.rule_ids[rule] or None
        found.append({"accounts": who, "code": code, "rule": named, "text": rules.describe(rule)})
    return sorted(found, key=lambda entry: -len(entry["accounts"]))


def _barred(policy: list[dict[str, Any]]) -> Cause:
    """Return why nobody asks in a cell: what one rule says to every account, else that nobody does."""
    codes = {entry["code"] for entry in policy}
    return Cause[codes.pop()] if len(codes) == 1 and "OKAY" not in codes else Cause.IDLE


def _run(run: "Run") -> dict[str, Any]:
    return {
        "name": run.name,
        "folder": str(run.path),
        "scenario_sha256": run.manifest["scenario_sha256"],
    }


def _fault(run: "Run", name: str | None) -> dict[str, Any] | None:
    return None if name is None else run.faults.row(by_predicate=pl.col("name") == name, named=True)


def _verdict(
    looked: _Looked, cause: Cause, online_s: int, fault: dict[str, Any] | None, mask: int = -1
) -> dict[str, Any]:
    """``mask`` is that of a terminal, -1 for a clear sky and for a cell."""
    served = Cause(looked.row["cause"]) == Cause.ONLINE
    meaning = sentence_of(
        cause,
        reason=Reason(looked.row["reason"]),
        fault=fault,
        candidates=looked.row["with_route"],
        masked=served and mask >= 0,
    )
    return _plain_verdict(cause) | {
        "online": online_s > 0, "online_s": online_s, "meaning": meaning, "fault": fault,
    }  # fmt: skip


def _plain_verdict(cause: Cause) -> dict[str, Any]:
    return {"online": False, "online_s": 0, "cause": cause.name, "meaning": MEANING[cause], "fault": None}


def _position(moment: Moment, row: dict[str, Any], terminal: int) -> dict[str, Any]:
    """Return where a terminal is: of a moving one, where it last entered a cell."""
    if not row["moving"]:
        return {name: row[name] for name in ("latitude_deg", "longitude_deg", "moving")}
    last = moment.moves.row(by_predicate=pl.col("terminal") == terminal, named=True)
    return {
        "latitude_deg": round(last["latitude_deg"], 5),
        "longitude_deg": round(last["longitude_deg"], 5),
        "moving": True,
        "speed_kmh": round(last["speed_m_s"] * 3.6, 1),
        "since": format_utc(slot_start(last["slot"])),
    }


def _policy(run: "Run", rule: str | None, cause: Cause) -> dict[str, Any]:
    if rule is None:
        return {"allowed": True, "code": "OKAY", "rule": None, "text": "no rule forbids service"}
    row = run.rules.row(by_predicate=pl.col("id") == rule, named=True)
    return {"allowed": False, "code": cause.name, "rule": rule, "text": row["text"]}


def _cell(run: "Run", looked: _Looked, meaning: str) -> dict[str, Any]:
    info, row = looked.info, looked.row
    pop = run.pops["name"][info["home_pop"]] if 0 <= info["home_pop"] < len(run.pops) else None
    return {
        "h3": info["h3"],
        "latitude_deg": round(info["latitude_deg"], 5),
        "longitude_deg": round(info["longitude_deg"], 5),
        "country": info["country"],
        "home_pop": pop,
        "cause": Cause(row["cause"]).name,
        "meaning": meaning,
        "reason": reason_of(Reason(row["reason"]), row["with_route"]),
        "asking": row["asking"],
        "of_them_background": min(info["background"], row["asking"]),
        "funnel": {
            "above_horizon": looked.inspection.above_horizon,
            "in_service_above_min_elevation": row["seen"],
            "outside_gso_exclusion": row["outside_gso"],
            "in_field_of_view": row["in_view"],
            "with_a_way_to_the_pop": row["with_route"],
        },
        "satellites": row["satellites"],
        "units": row["units"],
        "rate_mbps": round(row["rate_kbps"] / 1000, 1) if row["rate_kbps"] >= 0 else None,
    }


def _candidates(run: "Run", looked: _Looked) -> list[dict[str, Any]]:
    """Return every satellite above the horizon, those that serve first, then from the highest down."""
    rows = looked.beams
    units = dict(
        zip(rows["satellite"].to_list(), rows["colours"].bitwise_count_ones().to_list(), strict=True)
    )
    found = [_candidate(run, look, int(units.get(look.satellite, 0))) for look in looked.inspection.looks]
    return sorted(found, key=lambda look: (-look["units"], -look["elevation_deg"][1]))


def _candidate(run: "Run", look: "Look", units: int) -> dict[str, Any]:
    """``units`` are those of the finished slot: the inspection knows the first unit only."""
    gateways = run.gateways["name"].gather(list(look.gateways)).to_list() if look.gateways else []
    return {
        "satellite": run.satellites["name"][look.satellite],
        "elevation_deg": [round(angle, 2) for angle in look.elevation_deg],
        "azimuth_deg": [round(angle, 2) for angle in look.azimuth_deg],
        "gso_separation_deg": round(look.gso_deg, 2),
        "gateways": gateways,
        "verdict": "serves the cell" if units else str(look.verdict),
        "utility": None if math.isnan(look.utility) else round(look.utility, 4),
        "was_serving": look.present,
        "units": units,
    }


def _contention(cause: Cause, fault: str | None, candidates: int) -> dict[str, Any] | None:
    """Say which constraint, relaxed, would have served the cell."""
    usable = f"{candidates} satellites with a way could be used, and others had them; " if candidates else ""
    if fault is not None and cause not in {Cause.POWER_OFF, Cause.BOOTING, Cause.CORE_DOWN}:
        text = f"{usable}without the fault {fault} the cell would be served"
        return {"relaxed": "fault", "fault": fault, "text": text}
    if cause not in RELAXED:
        return None
    relaxed = cause.name.removeprefix("NO_").lower()
    text = f"{usable}{RELAXED[cause]} the cell would be served (the slot was decided again so)"
    return {"relaxed": relaxed, "fault": None, "text": text}


def _serving(run: "Run", looked: _Looked, line: dict[str, Any]) -> dict[str, Any]:
    """Return the way of the traffic: satellite, beam units, gateway, PoP, and the delay of each leg."""
    number = run.satellites["name"].to_list().index(line["satellite"])
    row = looked.beams.row(by_predicate=pl.col("satellite") == number, named=True)
    satellite = run.satellites.row(number, named=True)
    network = run.world.network
    colours = [bit for bit in range(64) if row["colours"] >> bit & 1]
    gateways = gateways_of(run, looked.before, looked.slot, number, line["gateway"])
    return {
        "satellite": satellite["name"],
        "catalogue_number": satellite["catalogue_number"],
        "shell": satellite["shell"],
        "units": [{"dwell": bit // network.channels, "channel": bit % network.channels} for bit in colours],
        "dwells_in_slot": network.dwells,
        "others": [
            {"satellite": run.satellites["name"][other], "units": int(units).bit_count()}
            for other, units in looked.beams.select("satellite", "colours").rows()
            if other != number
        ],
        "gateway": line["gateway"],
        "gateways": gateways,
        "why_gateway": why_gateway(gateways),
        "user_ms": row["user_us"] / 1000,
        "feeder_ms": row["feeder_us"] / 1000,
        "fibre_ms": row["fibre_us"] / 1000,
        "access_ms": network.access_ms,
        "rtt_ms": line["rtt_us"] / 1000,
        "rate_mbps": round(row["rate_kbps"] / 1000, 1),
    }
