"""The chain of evidence for one terminal or cell in one slot: plain data, in the edge's units.

What the run wrote is read from its tables.  What it did not write, the candidates one by one, is computed
again by the engine from the state saved with the chunk; both are the same run, to the byte.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from openleo.base.clock import format_utc, slot_start
from openleo.base.errors import BadInput
from openleo.ground.cells import cell_centre_deg, cell_name
from openleo.results.assumptions import Involved, assumptions_of
from openleo.snapshot.causes import MEANING, Cause, Reason, is_policy, needs_schedule

if TYPE_CHECKING:
    from openleo.engine import Inspection, Look
    from openleo.results.run import Run

REASONS = {
    Reason.HORIZON: "none is above the horizon",
    Reason.ELEVATION: "none in service stays above the minimum elevation for the whole slot",
    Reason.OUT_OF_SERVICE: "those high enough are not in service",
    Reason.GSO: "all are too near the geostationary arc",
}
RELAXED = {
    Cause.NO_ANTENNA: "with more gateway antennas",
    Cause.NO_BEAM: "with more beams on the satellites",
    Cause.NO_CHANNEL: "with co-frequency beams allowed to overlap",
}


def explain_terminal(run: "Run", terminal: int, slot: int) -> dict[str, Any]:
    """Return why a terminal (row) was online or dark in a slot, link by link."""
    line = run.timeline(terminal).row(slot - run.first_slot, named=True)
    cell = int(line["cell"])
    found = explain_cell(run, cell, slot)
    row = run.terminals.row(terminal, named=True)
    cause = Cause[line["cause"]]
    found["verdict"] = _verdict(run, cause, int(line["online_s"]), line["fault"])
    found["terminal"] = {
        "id": row["id"],
        "kind": row["kind"],
        "account": row["account"],
        "group": row["group"],
        **_position(run, row, terminal, slot),
    }
    found["policy"] = _policy(run, line["rule"], cause)
    found["own"] = _own(run, terminal, slot, row, int(line["seconds"]), cause)
    found["serving"] = _serving(run, cell, slot, line) if line["satellite"] else None
    found["assumptions"] = assumptions_of(
        run,
        Involved(
            group=row["group"],
            rule=line["rule"],
            fault=line["fault"],
            gateway=line["gateway"],
            country=found["cell"]["country"],
            scheduled=not is_policy(cause),
            contended=needs_schedule(cause),
        ),
    )
    return found


def explain_cell(run: "Run", cell: int, slot: int) -> dict[str, Any]:
    """Return why a cell (row of cell_index) was served or not in a slot, link by link."""
    info = run.cell_index.row(cell, named=True)
    written = (
        run.table_at("cells", slot).filter((pl.col("cell") == cell) & (pl.col("slot") == slot)).collect()
    )
    if not len(written):
        raise BadInput(
            f"cell {info['h3']} has none of the scenario's terminals: nothing was written about it",
            "name a place or cell where there are some",
        )
    row = written.row(0, named=True)
    cause = Cause(row["cause"])
    fault = run.faults["name"][row["fault"]] if row["fault"] >= 0 else None
    inspection, policy = _inspect(run, cell, slot), policy_at(run, int(info["h3"], 16), slot)
    gateway = run.gateways["name"][row["gateway"]] if row["gateway"] >= 0 else None
    line = {"satellite": None, "gateway": gateway, "rtt_us": row["rtt_us"]}
    if row["satellite"] >= 0:
        line["satellite"] = run.satellites["name"][row["satellite"]]
    looks = _candidates(run, inspection, cell, slot)
    return {
        "simulated": True,
        "banner": run.manifest["banner"],
        "run": _run(run),
        "slot": slot,
        "start": format_utc(slot_start(slot)),
        "verdict": _verdict(
            run, _barred(policy) if cause == Cause.IDLE else cause, 15 if cause == Cause.ONLINE else 0, fault
        ),
        "cell": _cell(run, info, row, inspection),
        "candidates": looks,
        "contention": _contention(cause, fault, row["with_route"]),
        "policy_here": policy,
        "serving": _serving(run, cell, slot, line) if line["satellite"] and cause == Cause.ONLINE else None,
        "faults": _holding(run, slot),
        "assumptions": assumptions_of(
            run,
            Involved(
                fault=fault,
                gateway=gateway,
                country=info["country"],
                scheduled=True,
                contended=needs_schedule(cause),
            ),
        ),
    }


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
        "verdict": _verdict(run, _barred(policy), 0, None),
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
        "faults": _holding(run, slot),
        "assumptions": assumptions_of(run, Involved(rule=policy[0]["rule"], scheduled=False)),
    }


def policy_at(run: "Run", cell: int, slot: int) -> list[dict[str, Any]]:
    """Return what the rules in force say to a terminal that stands in a cell (H3 index), by account.

    One entry for each rule that decides, and one for the accounts that none forbids; most accounts first.
    """
    from openleo.policy import Subjects

    world = run.world
    rules, accounts = world.rules_at(slot), world.account_names
    cells = np.full(len(accounts), cell, np.uint64)
    _, chosen = rules.decide(
        Subjects(
            cell=cells,
            country=world.country_of(cells).astype(np.int16),
            account=np.arange(len(accounts), dtype=np.uint16),
            speed_m_s=np.zeros(len(accounts), np.float32),
            kind=np.zeros(len(accounts), np.uint8),
        )
    )
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


def _inspect(run: "Run", cell: int, slot: int) -> "Inspection":
    from openleo.engine import inspect

    return inspect(run.network, run.state_at(slot), slot, cell)


def _verdict(run: "Run", cause: Cause, online_s: int, fault: str | None) -> dict[str, Any]:
    return {
        "online": online_s > 0,
        "online_s": online_s,
        "cause": cause.name,
        "meaning": MEANING[cause],
        "fault": None if fault is None else run.faults.row(by_predicate=pl.col("name") == fault, named=True),
    }


def _position(run: "Run", row: dict[str, Any], terminal: int, slot: int) -> dict[str, Any]:
    """Return where a terminal is: of a moving one, where it last entered a cell."""
    place = {
        "latitude_deg": row["latitude_deg"],
        "longitude_deg": row["longitude_deg"],
        "moving": row["moving"],
    }
    if not row["moving"]:
        return place
    moves = run.table_at("moves", slot).filter((pl.col("terminal") == terminal) & (pl.col("slot") <= slot))
    last = moves.collect().row(-1, named=True)
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


def _own(
    run: "Run", terminal: int, slot: int, row: dict[str, Any], seconds: int, cause: Cause
) -> dict[str, Any]:
    """Return the terminal's own state: power, booting, the sky that its obstacles leave."""
    from openleo.scenario.faults import BOOT_SLOTS

    power, fault = "on", None
    for f in run.world.faults:
        at = np.flatnonzero(f.terminals == terminal)
        if f.kind == "power" and len(at):
            lost = int(f.terminal_from_slot[at[0]])
            if lost <= slot < f.until_slot:
                power, fault = "off", f.name
            elif f.until_slot <= slot < f.until_slot + BOOT_SLOTS and power == "on":
                power, fault = "booting", f.name
    blocked = [s for s in range(15) if not seconds >> s & 1] if cause == Cause.OBSTRUCTED else []
    return {
        "power": power,
        "fault": fault,
        "backup_hours": round(row["backup_hours"], 2),
        "horizon_mask": row["mask"] >= 0,
        "blocked_seconds": blocked,
    }


def _cell(run: "Run", info: dict[str, Any], row: dict[str, Any], seen: "Inspection") -> dict[str, Any]:
    cause, reason = Cause(row["cause"]), Reason(row["reason"])
    pop = run.pops["name"][info["home_pop"]] if 0 <= info["home_pop"] < len(run.pops) else None
    return {
        "h3": info["h3"],
        "latitude_deg": round(info["latitude_deg"], 5),
        "longitude_deg": round(info["longitude_deg"], 5),
        "country": info["country"],
        "home_pop": pop,
        "cause": cause.name,
        "meaning": MEANING[cause],
        "reason": REASONS.get(reason),
        "asking": row["asking"],
        "of_them_background": min(info["background"], row["asking"]),
        "funnel": {
            "above_horizon": seen.above_horizon,
            "in_service_above_min_elevation": row["seen"],
            "outside_gso_exclusion": row["outside_gso"],
            "in_field_of_view": row["in_view"],
            "with_a_way_to_the_pop": row["with_route"],
        },
        "satellites": row["satellites"],
        "units": row["units"],
        "rate_mbps": round(row["rate_kbps"] / 1000, 1) if row["rate_kbps"] >= 0 else None,
    }


def _candidates(run: "Run", inspection: "Inspection", cell: int, slot: int) -> list[dict[str, Any]]:
    """Return every satellite above the horizon, those that serve first, then from the highest down."""
    rows = _beams(run, cell, slot)
    units = dict(
        zip(rows["satellite"].to_list(), rows["colours"].bitwise_count_ones().to_list(), strict=True)
    )
    found = [_candidate(run, look, int(units.get(look.satellite, 0))) for look in inspection.looks]
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


def _beams(run: "Run", cell: int, slot: int) -> pl.DataFrame:
    rows = run.table_at("beams", slot).filter((pl.col("cell") == cell) & (pl.col("slot") == slot))
    return rows.collect()


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


def _serving(run: "Run", cell: int, slot: int, line: dict[str, Any]) -> dict[str, Any]:
    """Return the way of the traffic: satellite, beam units, gateway, PoP, and the delay of each leg."""
    rows = _beams(run, cell, slot)
    number = run.satellites["name"].to_list().index(line["satellite"])
    row = rows.row(by_predicate=pl.col("satellite") == number, named=True)
    satellite = run.satellites.row(number, named=True)
    network = run.world.network
    colours = [bit for bit in range(64) if row["colours"] >> bit & 1]
    return {
        "satellite": satellite["name"],
        "catalogue_number": satellite["catalogue_number"],
        "shell": satellite["shell"],
        "units": [{"dwell": bit // network.channels, "channel": bit % network.channels} for bit in colours],
        "dwells_in_slot": network.dwells,
        "gateway": line["gateway"],
        "user_ms": row["user_us"] / 1000,
        "feeder_ms": row["feeder_us"] / 1000,
        "fibre_ms": row["fibre_us"] / 1000,
        "access_ms": network.access_ms,
        "rtt_ms": line["rtt_us"] / 1000,
        "rate_mbps": round(row["rate_kbps"] / 1000, 1),
    }


def _holding(run: "Run", slot: int) -> list[dict[str, Any]]:
    """Return the faults that hold in a slot."""
    rows = run.faults.filter((pl.col("from_slot") <= slot) & (pl.col("until_slot") > slot))
    return rows.select("name", "kind", "target", "why").to_dicts()
