"""What somebody with a dozen kits and no engineer at hand meets: what is told leads somewhere, and once."""

import csv
import io
import json
import re
import time
from pathlib import Path

import pytest
from why_fleet import Told, samples_of, write_fleet

from dish_fleet import dish_fleet, dish_name
from openleo.cli._main import exit_code_of
from openleo.fleet.kits import Kit
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.why import Case, DishFacts, Subject, diagnose
from openleo.fleet.why.times import when
from openleo.fleet.why.told import told_lines
from openleo.fleet.why.words import Here, why_lines
from openleo.snapshot.causes import Cause

S = 10**9
TOWN = (48.1, 32.76)
Capture = pytest.CaptureFixture[str]
AREA = {"outage": "NO_SCHEDULE", "disablement": "CELL_IS_DISABLED", "alerts": (89,)}
STUCK = {"outage": "NO_SATS", "alerts": (53,)}


def run(capsys: Capture, *args: object, code: int = 0) -> str:
    assert exit_code_of(["fleet", *map(str, args)]) == code
    out, err = capsys.readouterr()
    return out if code == 0 else err


def kit(number: int, site: str, holder: str, account: str, **more: object) -> Kit:
    return Kit(
        id=f"KIT3040{number}", kit=f"KIT3040{number}", terminal=f"ut-{number}", site=site, holder=holder,
        account=account, **more,  # type: ignore[arg-type]
    )  # fmt: skip


KITS = [
    kit(1, "fire station", "O. Lys", "relief", life_critical=True),
    kit(2, "market", "O. Lys", "town"),
    kit(3, "depot", "O. Lys", "town"),
    kit(4, "old mill", "S. Ivanchenko", "town"),
    kit(5, "hospital", "R. Bondar", "relief"),
    kit(6, "waterworks", "V. Moroz", "relief", life_critical=True),
    kit(7, "school", "S. Ivanchenko", "town"),
]


def write(data: Path, ago_s: int = 0) -> None:
    """An area is off with one kit in it that lives depend on; a motor, and a silence; two were never seen."""
    now_ns = (time.time_ns() // S - ago_s) * S
    samples = [
        *samples_of("ut-1", TOWN, now_ns, Told(since_s=1_200, fields=AREA)),
        *samples_of("ut-2", TOWN, now_ns, Told(since_s=1_200, fields=AREA)),
        *samples_of("ut-3", (48.5, 33.1), now_ns, Told(since_s=2_000, fields=STUCK)),
        *samples_of("ut-4", (48.9, 33.9), now_ns, Told(since_s=400, fields=None)),
        *samples_of("ut-5", (48.4, 32.9), now_ns),
    ]
    write_fleet(data, KITS, samples)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


# The handover.


def test_kits_that_were_never_seen_are_named_with_whom_to_call_and_what_to_do(
    data: Path, capsys: Capture
) -> None:
    told = run(capsys, "report", "--data", data).split("## Never seen")[1].split("## Changed")[0]
    assert "Nothing was ever heard of 2 kits (LIFE-CRITICAL: 1" in told
    lines = [line for line in told.splitlines() if line.startswith("- ")]
    assert lines[0].startswith("- **LIFE-CRITICAL** waterworks, kit KIT30406: V. Moroz (holder)")
    assert f"`openleo fleet add ADDRESS --kit KIT30406 --data {data}`" in lines[0]
    assert f"`openleo fleet connect starlink --data {data}`" in lines[0]
    assert lines[1].startswith("- school, kit KIT30407: S. Ivanchenko (holder)")


def test_the_other_forms_hold_them_too(data: Path, capsys: Capture) -> None:
    told = json.loads(run(capsys, "report", "--data", data, "--format", "json"))
    assert [(k["kit"], k["holder"]) for k in told["never_seen"]] == [
        ("KIT30406", "V. Moroz"), ("KIT30407", "S. Ivanchenko")
    ]  # fmt: skip
    assert "--kit KIT30406" in told["never_seen"][0]["next"]
    rows = list(csv.DictReader(io.StringIO(run(capsys, "report", "--data", data, "--format", "csv"))))
    unseen = [(r["kit"], r["site"]) for r in rows if (r["state"], r["cause"]) == ("never-seen", "never-seen")]
    assert unseen == [("KIT30406", "waterworks"), ("KIT30407", "school")]
    assert all("." not in r["seconds"] for r in rows)


def test_each_person_is_called_once_with_all_their_kits_and_who_else_can_help(
    data: Path, capsys: Capture
) -> None:
    calls = run(capsys, "report", "--data", data).split("## To call")[1]
    people = [line for line in calls.splitlines() if line.startswith("- ")]
    assert people[0] == "- **LIFE-CRITICAL** O. Lys (holder), accounts relief and town"
    assert sum("O. Lys" in line for line in calls.splitlines()) == 1
    assert sum("S. Ivanchenko" in line for line in calls.splitlines()) == 1
    (critical,) = [line for line in calls.splitlines() if "fire station" in line]
    assert "**LIFE-CRITICAL** fire station, kit KIT30401; market, kit KIT30402: switched-off-by" in critical
    assert "Then: whoever decides on the area;" in critical
    (depot,) = [line for line in calls.splitlines() if "depot" in line]
    assert "Then: whoever keeps spare kits." in depot
    assert "holder" not in calls.replace("(holder)", ""), "who that is was just said"
    assert "school, kit KIT30407: never seen. Say: is it set up" in calls


def test_no_man_is_named_twice_in_one_line(data: Path, capsys: Capture) -> None:
    told = run(capsys, "why", "KIT30404", "--data", data)
    assert "call: S. Ivanchenko (holder), account town; ask what they see\n" in told
    assert "call: O. Lys (holder), accounts relief and town; whoever decides" in run(capsys, "--data", data)


def test_what_would_decide_stands_in_the_report_and_can_be_done(data: Path, capsys: Capture) -> None:
    told = run(capsys, "report", "--data", data)
    (line,) = [line for line in told.splitlines() if "Get one more fact" in line]
    asks = line.split("before sending anybody: ")[1]
    assert asks.split("; or ")[0] in run(capsys, "why", "KIT30404", "--data", data)
    assert "see what would decide" not in told
    plain = json.loads(run(capsys, "report", "--data", data, "--format", "json"))
    (unknown,) = [i for i in plain["open"] if i["cause"] == "not-enough-evidence"]
    assert unknown["would_decide"]
    assert "gateway went dark" not in told + run(capsys, "why", "KIT30404", "--data", data)


def test_a_report_is_written_to_a_file_by_the_shell(data: Path, capsys: Capture) -> None:
    told = run(capsys, "report", "out.md", "--data", data, code=1)
    assert f"hint: write it to a file: openleo fleet report --data {data} > out.md" in told


# Old words.


@pytest.mark.parametrize("command", [[], ["why", "KIT30401"], ["table"], ["report"]])
def test_minutes_after_collecting_stopped_it_says_how_old_and_what_to_do(
    command: list[str], tmp_path: Path, capsys: Capture
) -> None:
    write(tmp_path, ago_s=240)
    told = run(capsys, *command, "--data", tmp_path)
    assert re.search(
        r"nothing has come for 4 min: what follows is how things stood at \d\d:\d\d:\d\dZ; is anybody "
        r"collecting\? `openleo fleet watch`", told,
    )  # fmt: skip
    assert "STALE" not in told


def test_a_map_that_is_read_later_than_all_the_rest_says_when() -> None:
    now_ns = 1_795_000_000 * S
    hidden = Told(since_s=600, fields={"outage": "OBSTRUCTED", "obstructed": 0.3, "alerts": (66,)})
    found = diagnose(
        Case(
            kit=Subject(terminal="ut-1"),
            now_ns=now_ns,
            samples=list(samples_of("ut-1", TOWN, now_ns, hidden)),
        )
    )
    later_ns = now_ns + 240 * S
    for sky_ns, words in ((later_ns, f"read now ({when(later_ns, now_ns)}, after all the rest): half"),
                          (None, "read now: half")):  # fmt: skip
        lines = list(why_lines(Subject(terminal="ut-1"), found, now_ns,
                               here=Here(sky="half of it", sky_ns=sky_ns)))  # fmt: skip
        assert any(words in line for line in lines)


# Nothing was asked yet.


def test_a_dish_that_was_never_asked_is_not_one_that_never_answered(tmp_path: Path, capsys: Capture) -> None:
    kits = tmp_path / "kits.csv"
    kits.write_text("kit,site,address\nK-1,roof,127.0.0.1:1\nK-2,yard,\n")
    run(capsys, "import", kits, "--data", tmp_path)
    with Register(tmp_path / "fleet") as register:
        register.put_dish(DishEntry(address="127.0.0.1:2"))
    before = run(capsys, "--data", tmp_path)
    assert "never answered" not in before
    assert f"next: ask the dish of one of them: `openleo fleet once --data {tmp_path}`" in before
    assert f"next: have yard, kit K-2 seen: `openleo fleet add ADDRESS --kit K-2 --data {tmp_path}`" in before
    assert f"dish 127.0.0.1:2 was not asked yet: `openleo fleet once --data {tmp_path}`" in before
    for name in ("K-1", "127.0.0.1:1"):
        assert "next: its dish 127.0.0.1:1 was not asked yet" in run(capsys, "why", name, "--data", tmp_path)
    assert "roof" not in run(capsys, "report", "--data", tmp_path).split("## To call")[1]
    run(capsys, "once", "--data", tmp_path)
    after = run(capsys, "--data", tmp_path)
    assert "dish 127.0.0.1:1 (kit K-1) has never answered: 127.0.0.1:1 cannot be reached" in after
    assert "dish 127.0.0.1:2 has never answered" in after
    assert "not asked yet" not in after
    assert "openleo fleet once" not in after
    assert "roof" in run(capsys, "report", "--data", tmp_path).split("## To call")[1]


# One dish by itself.


def test_the_next_step_is_not_the_command_that_was_just_run(tmp_path: Path, capsys: Capture) -> None:
    with dish_fleet() as fleet:
        fleet.advance(300)
        fleet.advance(240, cause=Cause.OBSTRUCTED)
        told = run(capsys, "why", "--dish", fleet.address(), "--data", tmp_path)
        every = run(capsys, "why", "--dish", fleet.address(), "--data", tmp_path, "--all")
        plain = json.loads(run(capsys, "why", "--dish", fleet.address(), "--data", tmp_path, "--json"))
    assert "obstructed," in told
    assert "next: Clear what hides the sky there" in told
    assert "--dish" not in told
    assert "--dish" not in plain["next"]
    assert "GetLocation" not in told
    assert "note: no location:" in every
    assert not (tmp_path / "fleet").exists(), "it needs no register, and makes none"


def test_a_dish_of_the_register_is_said_to_be_so(tmp_path: Path, capsys: Capture) -> None:
    with dish_fleet() as fleet, Register(tmp_path / "fleet") as register:
        fleet.advance(300)
        register.put_kits([Kit(id="K-1", kit="K-1", terminal=dish_name(0), site="clinic")])
        told = run(capsys, "why", "--dish", fleet.address(), "--data", tmp_path)
    assert f"it is clinic, kit K-1: `openleo fleet why K-1 --data {tmp_path}` knows more" in told


def test_alerts_are_told_in_the_dishs_own_words_with_what_they_mean() -> None:
    facts = DishFacts(alerts=("motors_stuck", "new_alert"), self_test_failed=("FEM_CUT",))
    told = list(told_lines(facts))
    assert told[1].startswith("  - motors_stuck (alert 53): its motors do not move")
    assert told[2] == "  - new_alert"
    assert told[3] == "its self test: fails: FEM_CUT"
    assert list(told_lines(DishFacts(alerts=()))) == ["its alerts: none"]


def test_a_reading_tells_its_alerts_and_self_test(tmp_path: Path, capsys: Capture) -> None:
    with dish_fleet() as fleet:
        fleet.advance(300)
        fleet.advance(240, cause=Cause.NO_SATS)
        told = run(capsys, "why", "--dish", fleet.address(), "--data", tmp_path)
    assert "its alerts: none\nits self test: passes" in told


def test_a_kits_name_is_no_address_and_the_hint_leads_to_it(data: Path, capsys: Capture) -> None:
    told = run(capsys, "why", "--dish", "KIT30402", "--data", data, code=1)
    assert "openleo fleet why KIT30402" in told


def test_one_that_was_heard_of_since_never_answered_only_then(data: Path, capsys: Capture) -> None:
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 7_200))
    assert "next: it was heard of later" in run(capsys, "why", "KIT30405", "--data", data, "--at", then)
    told = run(capsys, "--data", data, "--at", then)
    assert "5 of them were heard of later" in told
    assert "have the others seen" in told
    calls = run(capsys, "report", "--data", data, "--at", then).split("## To call")[1]
    assert "waterworks" in calls
    assert "hospital" not in calls


# Names.


@pytest.mark.parametrize("name", ["30402", "t30402", "MARKET", "ut-2"])
def test_a_part_of_one_kits_number_finds_it(name: str, data: Path, capsys: Capture) -> None:
    assert "market, kit KIT30402" in run(capsys, "why", name, "--data", data)


def test_a_word_of_one_sites_name_finds_it_and_what_several_share_names_them(
    data: Path, capsys: Capture
) -> None:
    assert "old mill, kit KIT30404" in run(capsys, "why", "mill", "--data", data)
    told = run(capsys, "why", "3040", "--data", data, code=1)
    assert "these have it in their name: KIT30401, KIT30402" in told


def test_one_terminal_is_not_several(tmp_path: Path, capsys: Capture) -> None:
    write_fleet(tmp_path, [], samples_of("ut-1", TOWN, time.time_ns() // S * S))
    assert "1 terminal: 1 online" in run(capsys, "--data", tmp_path)
    assert "1 terminal: 1 online" in run(capsys, "table", "--data", tmp_path)
