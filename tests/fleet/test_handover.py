"""`openleo fleet report`: what changed in a shift, what is open, what was decided, who should be called."""

import csv
import io
import json
import re
import time
from pathlib import Path

import pytest
from why_fleet import Told, samples_of, write_fleet

from openleo.cli._main import exit_code_of
from openleo.control import areas, founding
from openleo.fleet.decided import read_decisions
from openleo.fleet.kits import Kit
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore
from openleo.fleet.why.handover import spells_of

S = 10**9
PLACE = (50.0, 30.0)
DARK = {"outage": "OBSTRUCTED", "obstructed": 0.3, "alerts": (66,)}


def run(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    code = exit_code_of(["fleet", "report", *map(str, args)])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return out


def back(since_s: float) -> Told:
    return Told(since_s=since_s, fields={"outage": ""})


def write(data: Path) -> int:
    """One that was dark from 50 to 30 minutes ago, one silent from 40 to 20, one dark since 10, one well."""
    now_ns = time.time_ns() // S * S
    samples: list[Sample] = [
        *samples_of("ut-over", PLACE, now_ns, Told(since_s=3_000, fields=DARK), back(1_800), minutes=90),
        *samples_of("ut-mute", PLACE, now_ns, Told(since_s=2_400, fields=None), back(1_200), minutes=90),
        *samples_of("ut-open", PLACE, now_ns, Told(since_s=600, fields=DARK), minutes=90),
        *samples_of("ut-well", PLACE, now_ns, minutes=90),
    ]  # fmt: skip
    kits = [Kit(id=f"K-{n}", kit=f"K-{n}", terminal=f"ut-{n}", site=f"site {n}", holder=f"holder of {n}")
            for n in ("over", "mute", "open", "well")]  # fmt: skip
    write_fleet(data, kits, samples)
    return now_ns


def test_a_shift_is_told_in_four_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path)
    out = run(capsys, "--data", tmp_path, "--since", "80m")
    parts = [line for line in out.splitlines() if line.startswith("#")]
    assert parts[0].startswith("# Handover, ")
    assert parts[1:] == ["## Open", "## Changed", "## Done", "## To call"]
    assert "1. NEW, obstructed" in out
    assert "site open, kit K-open" in out
    assert "1 incident began and is open; 2 outages of 2 min or more ended." in out
    assert "| ut-over | site over, kit K-over |" in out
    assert "| 20 min |" in out
    assert "no control plane beside this fleet" in out
    assert "holder of open (holder)" in out.split("## To call")[1]
    again = run(capsys, "--data", tmp_path, "--since", "80m", "--format", "markdown")
    assert re.sub(r":\d\dZ", "", again.splitlines()[0]) == re.sub(r":\d\dZ", "", out.splitlines()[0])
    assert len(again.splitlines()) == len(out.splitlines())


def test_json_and_csv_hold_the_same_outages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path)
    told = json.loads(run(capsys, "--data", tmp_path, "--since", "80m", "--format", "json"))
    rows = list(
        csv.DictReader(io.StringIO(run(capsys, "--data", tmp_path, "--since", "80m", "--format", "csv")))
    )
    assert [i["terminals"] for i in told["open"]] == [["ut-open"]]
    assert sorted(s["terminal"] for s in told["ended"]) == ["ut-mute", "ut-over"]
    assert [(r["terminal"], r["state"]) for r in rows] == [
        ("ut-open", "dark"), *[(s["terminal"], "ended") for s in told["ended"]]
    ]  # fmt: skip


def test_while_nobody_was_heard_it_was_the_collector_that_was_out(tmp_path: Path) -> None:
    now_ns = time.time_ns() // S * S
    deaf = (Told(since_s=2_400, fields=None), Told(since_s=1_200, fields={"outage": ""}))
    samples = [s for n in range(5) for s in samples_of(f"ut-{n}", PLACE, now_ns, *deaf)]
    write_fleet(tmp_path, [], samples)
    with TelemetryStore(tmp_path / "fleet") as store:
        assert spells_of(store, now_ns - 3_600 * S, now_ns) == []


def test_an_outage_over_midnight_is_one(tmp_path: Path) -> None:
    midnight = 1_794_960_000 * S  # 2026-11-18T00:00:00Z
    now_ns = midnight + 1_800 * S
    dark = (Told(since_s=3_000, fields=DARK), Told(since_s=600, fields={"outage": ""}))
    write_fleet(tmp_path, [], samples_of("ut-a", PLACE, now_ns, *dark, minutes=90))
    with TelemetryStore(tmp_path / "fleet") as store:
        assert len(store.days()) == 2
        (spell,) = spells_of(store, now_ns - 5_000 * S, now_ns)
    assert spell.until_ns is not None
    assert (spell.until_ns - spell.since_ns) / S == pytest.approx(2_400, abs=30)


def test_what_a_quarantined_device_said_counts_for_nothing(tmp_path: Path) -> None:
    now_ns = time.time_ns() // S * S
    with TelemetryStore(tmp_path / "fleet") as store:
        store.add(list(samples_of("ut-a", PLACE, now_ns, Told(since_s=900, fields=DARK))), device="ag-1")
        assert len(spells_of(store, now_ns - 3_600 * S, now_ns)) == 1
        store.quarantine("ag-1", now_ns - 3_600 * S)
        assert spells_of(store, now_ns - 3_600 * S, now_ns) == []


def test_a_shift_of_a_month_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path)
    assert exit_code_of(["fleet", "report", "--data", str(tmp_path), "--since", "30d"]) == 1
    assert "no handover" in capsys.readouterr().err


def test_no_control_plane_is_not_the_same_as_no_decision(tmp_path: Path) -> None:
    assert read_decisions(tmp_path / "control") == (None, (), "")
    assert founding
    assert areas
