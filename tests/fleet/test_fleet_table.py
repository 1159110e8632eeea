"""`openleo fleet table, versions, filters`: every terminal, chosen by words, with what it runs and uses."""

import csv
import io
import json
import time
from pathlib import Path

import pytest
from why_fleet import Told, samples_of, write_fleet

from openleo.base.errors import BadInput
from openleo.cli._main import exit_code_of
from openleo.control import founding
from openleo.control.facts import Fact
from openleo.control.ledger import Decision
from openleo.control.network import Network, NetworkKind
from openleo.control.plane import SYSTEM, Plane
from openleo.fleet.decided import read_custody
from openleo.fleet.kits import Kit
from openleo.fleet.looking import looking
from openleo.fleet.sample import Sample
from openleo.fleet.table.rows import sorted_rows, table_of, version_key
from openleo.fleet.table.where import read_where

S = 10**9
OBSTRUCTED = {"outage": "OBSTRUCTED", "obstructed": 0.3, "alerts": (66,)}
PLACE = (48.0, 35.0)
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four kits: one obstructed, one with old software whose update waits, one critical, one never seen."""
    now_ns = time.time_ns() // S * S
    kits = [
        Kit(id="K1", terminal="ut-farm", site="farm", account="A1", people=4, holder="Olena"),
        Kit(id="K2", terminal="ut-old", site="Lviv 2", account="A1", holder="=cmd"),
        Kit(id="K3", terminal="ut-clinic", site="clinic", account="A2", life_critical=True),
        Kit(id="K4", terminal="ut-new", site="school"),
    ]
    old = {"software": "2025.9.2.mr1", "reboot_in_s": 600, "alerts": (82,)}
    samples: list[Sample] = [
        *samples_of("ut-farm", PLACE, now_ns, Told(since_s=7_500, fields=OBSTRUCTED), minutes=180),
        *samples_of("ut-old", PLACE, now_ns, Told(since_s=10**6, fields=old)),
        *samples_of("ut-clinic", (49.0, 24.0), now_ns),
    ]
    write_fleet(tmp_path, kits, samples)
    return tmp_path


def run(capsys: Capture, *args: object, code: int = 0) -> str:
    assert exit_code_of(["fleet", *map(str, args)]) == code
    out, err = capsys.readouterr()
    return out if code == 0 else err


def chosen(data: Path, where: str) -> set[str]:
    with looking(data / "fleet", None) as fleet:
        made = table_of(fleet, fleet.survey())
    test = read_where(where)
    return {row.terminal.removeprefix("ut-") for row in made.rows if test(row, made.now_ns)}


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("all", {"farm", "old", "clinic", "new"}),
        ("dark", {"farm"}),
        ("ill or never-seen", {"farm", "new"}),
        ("not well and not never-seen", {"farm"}),
        ("critical", {"clinic"}),
        ("update-waits", {"old"}),
        ("version=2025.*", {"old"}),
        ("version!=2025.* and well", {"clinic"}),
        ('site="lviv 2"', {"old"}),
        ("site~viv", {"old"}),
        ("cause=obstructed and ill-for>2h", {"farm"}),
        ("ill-for>3h", set()),
        ("account=A1 and (dark or update-waits)", {"farm", "old"}),
        ("account=A1 and dark or critical", {"farm", "clinic"}),
        ("people>=4", {"farm"}),
        ("latency<1000", {"old", "clinic"}),
        ("site=[a-z]*", set()),
    ],
)
def test_words_choose_terminals(data: Path, where: str, names: set[str]) -> None:
    assert chosen(data, where) == names


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("drak", "dark"), ("dark and", "too soon"), ("(dark", "bracket"),
        ("site", "value"),
        ("colour=red", "has no 'colour'"), ("people=many", "number"), ("site<3", "text"),
        ("dark dark", "and"),
        ('site="x', "read"), ("=", "stands where a word would"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_what_would(where: str, says: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_where(where)
    assert says in f"{refused.value.detail} {refused.value.hint}"


def test_the_table_shows_health_cause_since_software_holder_and_last_word(
    data: Path, capsys: Capture
) -> None:
    text = run(capsys, "table", "--data", data)
    lines = text.splitlines()
    assert lines[0] == "4 terminals: 2 online, 1 dark, 1 never-seen"
    farm = next(line for line in lines if line.startswith("ut-farm"))
    for part in ("farm", "dark", "obstructed", "2 h 5 min", "2026.06.12.mr81164", "Olena"):
        assert part in farm
    assert "LIFE-CRITICAL" in next(line for line in lines if line.startswith("ut-clinic"))
    assert "+update" in next(line for line in lines if line.startswith("ut-old"))
    assert [line.split()[0] for line in lines[3:]] != [], "the most urgent first"
    assert text.index("ut-farm") < text.index("ut-new") < text.index("ut-clinic")


def test_csv_and_json_have_every_column_and_no_formula(data: Path, capsys: Capture) -> None:
    rows = list(csv.DictReader(io.StringIO(run(capsys, "table", "--data", data, "--format", "csv"))))
    assert {row["terminal"] for row in rows} == {"ut-farm", "ut-old", "ut-clinic", "ut-new"}
    assert next(row for row in rows if row["terminal"] == "ut-old")["holder"] == "'=cmd"
    found = json.loads(run(capsys, "table", "--data", data, "--format", "json", "--where", "dark"))
    (farm,) = found["terminals"]
    assert (farm["state"], farm["cause"], farm["people"]) == ("dark", "obstructed", 4)


def test_a_filter_is_saved_listed_used_and_removed(data: Path, capsys: Capture) -> None:
    run(capsys, "table", "--data", data, "--where", "account=A1", "--save", "ours")
    assert "account=A1" in run(capsys, "filters", "--data", data)
    text = run(capsys, "table", "--data", data, "--filter", "ours", "--where", "well")
    assert "ut-old" in text
    assert "ut-farm" not in text
    run(capsys, "filters", "--data", data, "--remove", "ours")
    err = run(capsys, "table", "--data", data, "--filter", "ours", code=1)
    assert "no filter is called 'ours'" in err
    err = run(capsys, "table", "--data", data, "--where", "drak", "--save", "bad", code=1)
    assert "hint:" in err


def test_data_use_is_the_rates_times_the_time_that_was_told(tmp_path: Path, capsys: Capture) -> None:
    now_ns = time.time_ns() // (60 * S) * 60 * S
    told = [
        Sample(
            terminal="ut-1", time_ns=now_ns - n * 15 * S, source="dish", downlink_mbps=8.0, uplink_mbps=0.8,
            outage="",
        )
        for n in range(1, 241)
    ]  # fmt: skip  # an hour
    kits = [Kit(id="K1", terminal="ut-1", account="A1"), Kit(id="K2", terminal="ut-2", account="A1")]
    write_fleet(tmp_path, kits, told)
    found = json.loads(run(capsys, "table", "--data", tmp_path, "--usage", "10h", "--format", "json"))
    one, two = sorted(found["terminals"], key=lambda row: row["terminal"])
    assert one["down_gb"] == pytest.approx(8e6 / 8 * 3_600 / 1e9, rel=0.01), "8 Mbit/s for an hour: 3.6 GB"
    assert one["up_gb"] == pytest.approx(0.36, rel=0.01)
    assert one["told_share"] == pytest.approx(0.1, rel=0.02)
    assert two["down_gb"] is None, "nothing told it"
    text = run(capsys, "table", "--data", tmp_path, "--usage", "10h", "--by", "account")
    assert "A1" in text
    assert "3.6" in text
    assert "an estimate" in text


def test_data_use_counts_no_time_in_which_a_dish_did_not_answer(tmp_path: Path, capsys: Capture) -> None:
    now_ns = time.time_ns() // (60 * S) * 60 * S
    flaps = [
        Sample(
            terminal="ut-1", time_ns=now_ns - n * 15 * S, source="dish", reachable=n % 4 == 1,
            downlink_mbps=8.0 if n % 4 == 1 else None, uplink_mbps=0.8 if n % 4 == 1 else None,
        )
        for n in range(1, 241)
    ]  # fmt: skip  # a quarter of an hour's samples told rates
    status = [
        Sample(
            terminal="ut-2", time_ns=now_ns - n * 15 * S, source="dish", reachable=n % 2 == 1,
            period_s=1 if n % 2 else 15, downlink_mbps=8.0 if n % 2 else None,
            uplink_mbps=0.8 if n % 2 else None,
        )
        for n in range(1, 241)
    ]  # fmt: skip  # a second each half minute
    kits = [Kit(id="K1", terminal="ut-1"), Kit(id="K2", terminal="ut-2")]
    write_fleet(tmp_path, kits, [*flaps, *status])
    found = json.loads(run(capsys, "table", "--data", tmp_path, "--usage", "10h", "--format", "json"))
    one, two = sorted(found["terminals"], key=lambda row: row["terminal"])
    assert one["down_gb"] == pytest.approx(0.9, rel=0.01), "8 Mbit/s for a quarter of an hour"
    assert one["up_gb"] == pytest.approx(0.09, rel=0.01)
    assert one["told_share"] == pytest.approx(900 / 36_000, rel=0.01)
    assert two["down_gb"] == pytest.approx(0.12, rel=0.01), "8 Mbit/s for two minutes"
    assert two["told_share"] == pytest.approx(120 / 36_000, rel=0.02)


@pytest.mark.parametrize("version", ["2026.²", "①", "٣", "௧", "2026." + "9" * 120, "\x00"])
def test_whatever_a_dish_says_it_runs_the_versions_are_told(
    version: str, tmp_path: Path, capsys: Capture
) -> None:
    kits = [Kit(id="K1", terminal="ut-1"), Kit(id="K2", terminal="ut-2")]
    told = [
        Sample(terminal=name, time_ns=time.time_ns() - 5 * S, source="dish", outage="", software=runs)
        for name, runs in (("ut-1", version), ("ut-2", "2026.06.12"))
    ]
    write_fleet(tmp_path, kits, told)
    found = json.loads(run(capsys, "versions", "--data", tmp_path, "--format", "json"))
    assert found["terminals"] == 2
    assert "2026.06.12" in {v["version"] for v in found["versions"]}
    run(capsys, "table", "--data", tmp_path, "--sort", "version")


def test_versions_say_how_far_software_was_rolled_out(data: Path, capsys: Capture) -> None:
    found = json.loads(run(capsys, "versions", "--data", data, "--format", "json"))
    assert (found["oldest"], found["newest"]) == ("2025.9.2.mr1", "2026.06.12.mr81164")
    assert (found["terminals"], found["unknown"], found["update_waits"]) == (4, 1, 1)
    assert [(v["version"], v["terminals"], v["not_well"]) for v in found["versions"]] == [
        ("2026.06.12.mr81164", 2, 1), ("2025.9.2.mr1", 1, 0),
    ]  # fmt: skip
    text = run(capsys, "versions", "--data", data)
    assert "67%" in text
    assert "1 terminal told no version" in text


def test_versions_are_ordered_by_their_numbers() -> None:
    names = ["2025.10.1.mr2", "2025.9.30.mr1", "2026.1.0", "c0ffee.uterm.release"]
    assert sorted(names, key=version_key)[1:] == ["2025.9.30.mr1", "2025.10.1.mr2", "2026.1.0"]


def test_custody_comes_from_the_control_plane(data: Path, capsys: Capture) -> None:
    control = data / "control"
    network = Network(name="test", kind=NetworkKind.SIMULATED, origin="openleo.test/log")
    founding.found_network(control, network, {"amina": "amina", "jonas": "jonas"})
    with Plane.open(control) as plane:
        columns = {
            "serial": "S1", "kind": "standard", "state": "suspended", "holder": "depot",
            "life_critical": True, "name": "", "version": 1,
        }  # fmt: skip
        fact = Fact(noun="terminal", id="ut-old", changes=columns, slot=0, new=True)
        plane.act(SYSTEM, lambda tx: tx.record(Decision(kind="test.made", reason="r", facts=(fact,))))
    assert read_custody(control)["ut-old"].state == "suspended"
    found = json.loads(
        run(capsys, "table", "--data", data, "--format", "json", "--where", "custody=suspended")
    )
    (row,) = found["terminals"]
    assert (row["terminal"], row["life_critical"]) == ("ut-old", "yes"), "it counts where either says so"


def test_rows_are_sorted_by_what_is_asked(data: Path) -> None:
    with looking(data / "fleet", None) as fleet:
        made = table_of(fleet, fleet.survey())
    assert [r.terminal for r in sorted_rows(made.rows, "terminal")] == [
        "ut-clinic",
        "ut-farm",
        "ut-new",
        "ut-old",
    ]
    assert [r.terminal for r in sorted_rows(made.rows, "version")][1] == "ut-old"
