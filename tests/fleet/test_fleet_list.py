"""`openleo fleet`: which terminals are not well, grouped by cause, who needs help first."""

import csv
import io
import json
import re
import time
from pathlib import Path

import pytest
from why_fleet import Told, samples_of, write_fleet

from openleo.cli._main import exit_code_of
from openleo.fleet.kits import Kit
from openleo.fleet.sample import Sample

S = 10**9
AREA = {"outage": "NO_SCHEDULE", "disablement": "CELL_IS_DISABLED", "alerts": (89,)}
OBSTRUCTED = {"outage": "OBSTRUCTED", "obstructed": 0.3, "alerts": (66,)}
TOWN, FARM, PORT = (50.0, 30.0), (48.0, 35.0), (46.5, 30.7)


def kit(name: str, site: str, **more: object) -> Kit:
    return Kit(id=f"K-{name}", kit=f"K-{name}", terminal=f"ut-{name}", site=site, **more)  # type: ignore[arg-type]


KITS = [
    *(kit(f"t{n}", f"town {n}", holder="Olena", account="A1") for n in range(6)),
    kit("farm", "farm", people=4),
    kit("port1", "port"),
    kit("port2", "port"),
    kit("clinic", "clinic", life_critical=True, people=30, holder="Dr Bondar"),
    kit("new", "school"),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A town switched off, an obstructed farm, a port with one kit off, a clinic without an answer."""
    write(tmp_path, time.time_ns() // S * S)
    return tmp_path


def write(data: Path, now_ns: int) -> None:
    samples: list[Sample] = []
    for n in range(6):
        samples += samples_of(f"ut-t{n}", TOWN, now_ns, Told(since_s=1_200, fields=AREA))
    samples += samples_of("ut-farm", FARM, now_ns, Told(since_s=2_000, fields=OBSTRUCTED))
    samples += samples_of(
        "ut-port1", PORT, now_ns, Told(since_s=900, fields={"outage": "STOWED", "stowed": True})
    )
    samples += samples_of("ut-port2", PORT, now_ns)
    samples += samples_of("ut-clinic", (49.0, 24.0), now_ns, Told(since_s=600, fields={"reachable": False}))
    write_fleet(data, KITS, samples)


def run(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    code = exit_code_of(["fleet", *map(str, args)])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return out


def test_kits_that_nothing_was_ever_heard_of_are_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "--data", data)
    assert "nothing was ever heard of 1 kit" in out
    assert "school, kit K-new" in out
    assert json.loads(run(capsys, "--data", data, "--format", "json"))["never_seen"] == ["ut-new"]


def test_one_that_was_never_seen_well_is_dark_since_it_says_so_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two dishes that were first asked ten minutes ago: each tells when its own outage began."""
    now_ns = time.time_ns() // S * S
    kits, samples = [kit("a", "mill"), kit("b", "dairy")], []
    for name, place, since_s in (("a", TOWN, 7_200), ("b", (50.001, 30.001), 3_000)):
        fields = {"outage": "NO_SCHEDULE", "outage_since_ns": now_ns - since_s * S}
        told = samples_of(f"ut-{name}", place, now_ns, Told(since_s=600, fields=fields))
        samples += [one for one in told if one.time_ns > now_ns - 590 * S]
    write_fleet(tmp_path, kits, samples)
    rows = list(csv.DictReader(io.StringIO(run(capsys, "--data", tmp_path, "--format", "csv"))))
    lasted = {row["site"]: float(row["seconds"]) for row in rows}
    assert lasted["mill"] == pytest.approx(7_200, abs=60)
    assert lasted["dairy"] == pytest.approx(3_000, abs=60)


def test_one_line_an_incident_the_life_critical_first(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "--data", data)
    heads = [line for line in out.splitlines() if re.match(r" {1,2}\d+  ", line)]
    assert "11 terminals: 1 online, 9 dark, 1 never seen" in out
    assert "LIFE-CRITICAL" in heads[0]
    assert "1 terminal" in heads[0]
    assert "obstructed" in heads[1], "four people are known to depend on it"
    assert "6 terminals, switched-off-by-area" in heads[2]
    assert "stowed-or-asleep" in heads[3], "its site has another terminal"
    assert len(heads) == 4
    assert "clinic, kit K-clinic" in out
    assert "5 sites without another" not in out
    assert "6 sites without another terminal" in out


def test_json_and_csv_tell_the_same(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(run(capsys, "--data", data, "--format", "json"))
    rows = list(csv.DictReader(io.StringIO(run(capsys, "--data", data, "--format", "csv"))))
    assert told["counts"]["dark"] == 9
    assert [i["cause"] for i in told["incidents"]][1:] == [
        "obstructed",
        "switched-off-by-area",
        "stowed-or-asleep",
    ]
    assert [r["terminal"] for r in rows] == [t for i in told["incidents"] for t in i["terminals"]]
    assert rows[0]["life_critical"] == "yes"
    assert rows[0]["holder"] == "Dr Bondar"


def test_the_past_can_be_asked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 2_300))
    assert "11 terminals: 10 online, 1 never seen" in run(capsys, "--data", data, "--at", before)


def test_old_telemetry_is_said_to_be_old_and_nobody_is_called_silent_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, time.time_ns() // S * S - 2 * 3600 * S)
    out = run(capsys, "--data", tmp_path)
    assert "STALE: the newest word from source dish is 2 h old" in out
    assert "what follows is how things stood at" in out
    assert "1 online, 9 dark" in out


def test_what_a_model_tells_is_by_its_own_clock_and_not_called_old(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long_ago_ns = time.time_ns() // S * S - 1_500 * 86_400 * S
    write_fleet(tmp_path, [], samples_of("ut-port1", PORT, long_ago_ns, source="model"))
    out = run(capsys, "--data", tmp_path)
    assert "STALE" not in out
    assert "what source model tells is a model's, by its own clock" in out


def test_a_terminal_that_alone_says_nothing_is_silent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now_ns = time.time_ns() // S * S
    samples = [
        *samples_of("ut-port1", PORT, now_ns, Told(since_s=400, fields=None)),
        *samples_of("ut-port2", PORT, now_ns),
    ]
    write_fleet(tmp_path, KITS[7:9], samples)
    assert "2 terminals: 1 online, 1 silent" in run(capsys, "--data", tmp_path)


def test_more_incidents_than_asked_for_are_counted(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "and 2 more: --limit 4" in run(capsys, "--data", data, "--limit", 2)


def test_kits_without_any_telemetry_are_never_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_fleet(tmp_path, KITS, [])
    out = run(capsys, "--data", tmp_path)
    assert "11 terminals: 11 never seen" in out
    assert "openleo fleet watch" in out


def test_no_fleet_is_an_error_with_the_next_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(["fleet", "--data", str(tmp_path / "none")]) == 1
    err = capsys.readouterr().err
    assert "error: there is no fleet in" in err
    assert "openleo fleet add" in err


def test_options_before_a_subcommand_are_refused_rather_than_forgotten(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code_of(["fleet", "--limit", "3", "why", "x"]) == 2
    assert "options belong after the subcommand" in capsys.readouterr().err


def test_names_that_a_spreadsheet_would_run_are_made_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now_ns = time.time_ns() // S * S
    dark = Told(since_s=600, fields=OBSTRUCTED)
    evil = Kit(id="K1", kit="K1", terminal="ut-a", site='=HYPERLINK("x")')
    write_fleet(tmp_path, [evil], samples_of("ut-a", FARM, now_ns, dark))
    (row,) = csv.DictReader(io.StringIO(run(capsys, "--data", tmp_path, "--format", "csv")))
    assert row["site"] == '\'=HYPERLINK("x")'


def test_when_all_are_dark_those_not_looked_at_are_counted_with_their_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is lowered here, so that a small fleet shows what a large one does."""
    monkeypatch.setattr("openleo.fleet.why.survey.READ_AT_MOST", 4)
    write(tmp_path, time.time_ns() // S * S)
    told = json.loads(run(capsys, "--data", tmp_path, "--format", "json"))
    assert sum(len(i["terminals"]) for i in told["incidents"]) == 9
    assert sum(i["presumed"] for i in told["incidents"]) == 5


def test_a_name_moves_nobodys_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now_ns = time.time_ns() // S * S
    evil = Kit(id="K1", kit="K1", terminal="ut-a", site="farm\x1b[2J\u202egood")
    write_fleet(tmp_path, [evil], samples_of("ut-a", FARM, now_ns, Told(since_s=600, fields=OBSTRUCTED)))
    for command in ([], ["why", "K1"], ["report"]):
        assert exit_code_of(["fleet", *command, "--data", str(tmp_path)]) == 0
        out = capsys.readouterr().out
        assert "farm?[2J?good" in out
        assert "\x1b" not in out
