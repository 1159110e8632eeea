"""`openleo area`, `request`, `decide` and `claim`: from defining an area to two people switching it."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openleo.cli._main import exit_code_of
from openleo.control.facts import Fact
from openleo.control.founding import found_network
from openleo.control.ledger import Decision
from openleo.control.network import Network, NetworkKind
from openleo.control.onboarding import cells_at
from openleo.control.plane import SYSTEM, Plane
from openleo.control.shapes import cells_of_countries
from openleo.ground.cells import cells_around, cells_in_circle
from openleo.ground.land import SEA, land_table

Run = Callable[..., tuple[int, str, str]]
CIRCLE = ("--circle", "46.6,32.6,30")


@dataclass
class Office:
    """A founded network on disk, and people's credentials."""

    data: Path
    keys: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, who: str, *args: str) -> tuple[int, str, str]:
        """Run a command as a person; return exit code, output and errors."""
        code = exit_code_of([*args, "--data", str(self.data), "--as", str(self.keys / f"{who}.credential")])
        out, err = self.capsys.readouterr()
        return code, out, err

    def good(self, who: str, *args: str) -> str:
        """Run a command that must do well, and return its output."""
        code, out, err = self(who, *args)
        assert (code, err) == (0, ""), err
        return out

    def json(self, who: str, *args: str) -> Any:
        """Run a command for its JSON."""
        code, out, _ = self(who, *args, "--format", "json")
        assert code == 0
        return json.loads(out)


def opened(folder: Path, capsys: pytest.CaptureFixture[str], kind: NetworkKind) -> Office:
    network = Network(name="test", kind=kind, origin="openleo.test/log")
    credentials = found_network(folder / "data" / "control", network, {"amina": "amina", "jonas": "jonas"})
    for name, credential in credentials.items():
        credential.write(folder / f"{name}.credential")
    return Office(folder / "data", folder, capsys)


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    return opened(tmp_path, capsys, NetworkKind.ENFORCED)


def switched(office: Office, area: str, switch: str) -> None:
    office.good("amina", "area", switch, area, "--reason", f"{switch} it is", "--yes")
    request = office.json("amina", "request", "list", "--open")[0]["id"]
    office.good("jonas", "decide", "approve", request, "--yes")


def test_asked_refused_asked_again_and_granted_by_two(office: Office) -> None:
    office.good("amina", "area", "define", "kherson", *CIRCLE, "--title", "Kherson")
    new = ("request", "new", "kherson", "on", "--reason", "people need it", "--evidence", "a letter")
    assert "r-1: area kherson, on, is asked for" in office.good("amina", *new)
    office.good("jonas", "request", "remark", "r-1", "too early")
    shown = office.good("jonas", "request", "show", "r-1")
    for text in ("evidence: a letter", "too early", "What it changes", "to sign:", "openleo/proposal/v1"):
        assert text in shown
    assert "r-1 is refused: not yet; log entry 3" in office.good(
        "jonas", "decide", "refuse", "r-1", "--reason", "not yet"
    )
    office.good("amina", *new)
    proposed = office.good("amina", "decide", "propose", "r-2", "--yes")
    assert "nothing has changed yet; log entry 5" in proposed
    assert "a second person must approve it within a day: jonas" in proposed
    code, _, err = office("amina", "decide", "approve", "r-2", "--yes")
    assert (code, "who cannot also approve it" in err) == (1, True)
    approved = office.good("jonas", "decide", "approve", "r-2", "--yes")
    assert "no life-critical terminal is there" in approved
    assert "r-2 is granted; log entry 6" in approved
    assert "area kherson is on from " in approved
    shown = office.good("amina", "area", "show", "kherson")
    assert "area.switched" in shown
    assert [r["state"] for r in office.json("amina", "request", "list")] == ["granted", "refused"]


def add_terminals(office: Office) -> None:
    """Have an account with a hospital's terminal and another in the middle of Kherson."""
    columns = {
        "kind": "standard",
        "account_id": "ngo",
        "state": "active",
        "version": 1,
        **cells_at(46.6, 32.6),
    }
    critical = {"life_critical": True, "name": "City hospital"}
    account = {"status": "active", "cut_terminals": [], "version": 1}
    facts = [
        Fact(noun="account", id="ngo", changes=account, slot=0, new=True),
        Fact(noun="terminal", id="t-1", changes={**columns, "serial": "S1"}, slot=0, new=True),
        Fact(noun="terminal", id="t-2", changes={**columns, **critical, "serial": "S2"}, slot=0, new=True),
    ]
    with Plane.open(office.data / "control") as plane:
        plane.act(SYSTEM, lambda tx: tx.record(Decision(kind="terminal.added", reason="test", facts=facts)))


def test_life_critical_terminals_are_named_before_anybody_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What both people name is cut; they must name the same."""
    office = opened(tmp_path, capsys, NetworkKind.SIMULATED)
    office.good("amina", "area", "define", "kherson", *CIRCLE)
    add_terminals(office)
    office.good("amina", "request", "new", "kherson", "off", "--reason", "x")
    proposed = office.good("amina", "decide", "propose", "r-1", "--yes")
    assert "1 terminal: 1 cut, 0 served again" in proposed
    assert "t-2, City hospital (ngo): spared" in proposed
    proposed = office.good("amina", "decide", "propose", "r-1", "--include", "t-2", "--yes")
    assert "t-2, City hospital (ngo): CUT (CELL_IS_DISABLED)" in proposed
    assert "`openleo decide approve r-1 --include t-2`" in proposed
    code, out, err = office("jonas", "decide", "approve", "r-1", "--yes")
    assert (code, "t-2, City hospital (ngo): CUT" in out) == (1, True)
    assert "each one that is to be cut is named by both people" in err
    office.good("jonas", "decide", "approve", "r-1", "--include", "t-2", "--yes")
    assert office.json("amina", "area", "show", "kherson")["cut_terminals"] == ["t-2"]


def test_a_request_is_withdrawn_by_who_asked(office: Office) -> None:
    office.good("amina", "area", "define", "kherson", *CIRCLE)
    office.good("amina", "request", "new", "kherson", "on", "--reason", "x")
    assert office("jonas", "request", "withdraw", "r-1")[0] == 1
    assert office.good("amina", "request", "withdraw", "r-1") == "r-1 is withdrawn\n"
    assert office.good("amina", "request", "list", "--open") == "there are no requests\n"


def test_nobody_is_asked_where_nobody_is(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    office.good("amina", "area", "define", "kherson", *CIRCLE)
    code, out, err = office("amina", "area", "on", "kherson", "--reason", "x")
    assert (code, "What it changes" in out) == (1, True)
    assert err.endswith("hint: read what it changes, then add --yes\n")
    assert office.good("amina", "request", "list") == "there are no requests\n"


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 130)])
def test_who_is_there_is_asked_after_seeing_what_changes(
    office: Office, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    office.good("amina", "area", "define", "kherson", *CIRCLE)
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    found, out, _ = office("amina", "area", "on", "kherson", "--reason", "x")
    assert found == code
    assert out.index("What it changes") < out.index("switch kherson on?")
    assert len(office.json("amina", "request", "list")) == (1 if answer == "y" else 0)


def test_an_emergency_is_off_at_once_and_names_who_can_confirm(office: Office) -> None:
    office.good("amina", "area", "define", "kherson", *CIRCLE)
    switched(office, "kherson", "on")
    said = office.good("amina", "area", "off", "kherson", "--emergency", "--reason", "captured", "--yes")
    assert "r-2: area kherson is off from " in said
    assert "unless a second person confirms: jonas" in said
    assert office("amina", "decide", "confirm", "r-2", "--yes")[0] == 1
    assert "stays off" in office.good("jonas", "decide", "confirm", "r-2", "--yes")


def test_an_emergency_takes_no_life_critical_terminal(office: Office) -> None:
    office.good("amina", "area", "define", "kherson", *CIRCLE)
    code, _, err = office(
        "amina", "area", "off", "kherson", "--emergency", "--include", "t-1", "--reason", "x", "--yes"
    )
    assert (code, err.splitlines()[0]) == (1, "error: an emergency spares every life-critical terminal")


def test_the_tree_of_areas_shows_what_acts(office: Office) -> None:
    office.good("amina", "area", "define", "ukraine", "--country", "UA")
    office.good("amina", "area", "define", "kherson", *CIRCLE, "--inside", "ukraine")
    lines = office.good("amina", "area", "list").splitlines()
    assert lines[0].split() == ["area", "kind", "now", "version", "cells"]
    assert lines[1].startswith("ukraine")
    assert lines[2].startswith("  kherson")
    found = {one["id"]: one for one in office.json("amina", "area", "list")}
    assert found["kherson"]["parent"] == "ukraine"
    assert found["kherson"]["standing"]["acts"] == ""


def test_cells_go_out_and_come_back(office: Office, tmp_path: Path) -> None:
    office.good("amina", "area", "define", "kherson", *CIRCLE)
    table = office.good("amina", "area", "cells", "kherson")
    rows = list(csv.DictReader(io.StringIO(table)))
    (tmp_path / "cells.csv").write_text(table)
    office.good("amina", "area", "define", "again", "--cells", str(tmp_path / "cells.csv"))
    assert office.good("amina", "area", "cells", "again") == table
    file = tmp_path / "kherson.geojson"
    office.good("amina", "area", "cells", "kherson", "--geojson", "--out", str(file))
    office.good("amina", "area", "define", "third", "--geojson", str(file))
    assert len(rows) == office.json("amina", "area", "show", "third")["cells"]


def test_an_area_is_changed_alone_only_while_nobody_is_served_by_it(office: Office) -> None:
    office.good("amina", "area", "define", "kherson", *CIRCLE)
    change = ("area", "change", "kherson", "--circle", "46.6,32.6,20", "--reason", "smaller")
    assert "version 2" in office.good("amina", *change, "--version", "1")
    assert "is at version 2" in office("amina", *change, "--version", "1")[2]
    switched(office, "kherson", "on")
    code, _, err = office("amina", *change)
    assert (code, "request new kherson as-is" in err) == (1, True)
    new = ("request", "new", "kherson", "as-is", "--circle", "46.6,32.6,40", "--reason", "wider")
    office.good("amina", *new)
    assert "join it, 0 leave it" in office.good("jonas", "request", "show", "r-2")


def test_a_vendors_steps_are_shown_and_none_is_skipped_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    office = opened(tmp_path, capsys, NetworkKind.ADVISORY)
    office.good("amina", "area", "define", "kherson", *CIRCLE)
    office.good("amina", "area", "on", "kherson", "--reason", "x", "--yes")
    said = office.good("jonas", "decide", "approve", "r-1", "--yes")
    assert "until that is observed it counts as before" in said
    shown = office.good("amina", "area", "show", "kherson")
    assert "now: not switched; on decided, not sent to the vendor yet" in shown
    assert "vendor: on: decided -> (sent) -> (acknowledged) -> (observed)" in shown
    said = office.good("amina", "area", "observe", "kherson", "sent", "--note", "mail")
    assert "decided -> sent -> (acknowledged)" in said
    said = office.good("amina", "area", "observe", "kherson", "observed", "--note", "seen")
    assert "then: on from " in said


def test_claims_are_shown_beside_decisions_and_never_as_one(office: Office) -> None:
    office.good("amina", "area", "define", "kherson", *CIRCLE)
    switched(office, "kherson", "on")
    new = ("claim", "new", "It was off all week", "--by", "The Daily", "--source", "https://d.example/1")
    said = office.good("amina", *new, "--on", "2026-02-01", "--contradicts", "4")
    assert said.startswith("c-1: a claim, not a decision; asserted\n")
    office.good("jonas", "claim", "deny", "c-1", "--note", "the vendor's log", "--source", "mail of 3 March")
    turn = ("claim", "corroborate", "c-1", "--note", "11 of 12 dark", "--source", "runs/7")
    assert "corroborated by telemetry" in office.good("jonas", *turn)
    for args in (("area", "show", "kherson"), ("log", "show", "4")):
        above, _, below = office.good("amina", *args).partition("Claims by others (these are not decisions):")
        assert "c-1" in below
        assert "c-1" not in above
        assert "area.switched" not in below
    assert "these are not decisions" in office.good("amina", "claim", "list", "--status", "corroborated")
    assert office.good("amina", "claim", "list", "--area", "kherson", "--status", "denied") == (
        "there are no claims\n"
    )
    assert len(office.json("amina", "claim", "show", "c-1")["turns"]) == 2


@pytest.mark.parametrize(
    ("args", "says", "hint"),
    [
        (("area", "define", "a"), "nothing says which cells a has", "--geojson"),
        (("area", "define", "A b", *CIRCLE), "'A b' cannot be the name of an area", "kherson-north"),
        (
            ("area", "define", "a", "--circle", "46.6,32.6"),
            "'46.6,32.6' is no circle",
            "--circle 46.6,32.6,40",
        ),
        (("area", "define", "a", "--circle", "95,0,3"), "'95,0,3' is no circle", "latitude"),
        (("area", "define", "a", *CIRCLE, "--country", "UA"), "more than one shape is named", "use one of"),
        (("area", "define", "a", "--country", "Ukraine"), "no country 'Ukraine'", "UA"),
        (("area", "define", "a", "--inside", "nowhere"), "no area 'nowhere'", "there are none"),
        (("area", "define", "a", *CIRCLE, "--from", "soon"), "'soon' is not a time", "2022-10-07T17:30:00Z"),
        (("area", "define", "a", *CIRCLE, "--except-account", "x"), "there is no account 'x'", ""),
        (("area", "define", "a", "--geojson", "no.geojson"), "no.geojson cannot be read", "a file"),
        (("area", "show", "khersn"), "there is no area 'khersn'", ""),
        (("request", "show", "r-9"), "there is no request 'r-9'", ""),
        (("decide", "propose", "r-9", "--yes"), "there is no request 'r-9'", ""),
        (("claim", "show", "c-9"), "there is no claim 'c-9'", ""),
        (("log", "show", "99"), "no entry 99 that you may read", "openleo log list"),
    ],
)
def test_what_is_wrong_is_said_in_two_lines(
    office: Office, args: tuple[str, ...], says: str, hint: str
) -> None:
    code, out, err = office("amina", *args)
    assert (code, out) == (1, "")
    first, second = err.splitlines()
    assert first.startswith("error: ")
    assert says in first
    assert second.startswith("hint: ")
    assert hint in second


@pytest.mark.parametrize(
    "args",
    [
        ("area", "observe", "a", "seen"),
        ("request", "new", "a", "up"),
        ("decide", "propos", "r-1"),
        ("log", "show", "x"),
    ],
)
def test_wrong_usage_exits_2(office: Office, args: tuple[str, ...]) -> None:
    assert office("amina", *args)[0] == 2


def test_without_a_credential_it_is_said_how_to_name_one(
    office: Office, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENLEO_AS", raising=False)
    assert exit_code_of(["area", "list", "--data", str(office.data)]) == 1
    assert "--as amina.credential" in capsys.readouterr().err


def test_a_country_says_that_its_shore_is_left_out_and_a_ring_takes_it_in(office: Office) -> None:
    said = office.good("amina", "area", "define", "dominicana", "--country", "DO")
    assert "cells beside it, whose centres are at sea, are not in it" in said
    assert "--ring 1 takes them in" in said
    beside = int(said.split("the ")[1].split()[0])
    own = office.json("amina", "area", "show", "dominicana")["cells"]
    wide = office.json("amina", "area", "define", "wide", "--country", "DO", "--ring", "1")
    assert wide == {
        "id": "wide", "cells": own + beside, "version": 1, "parent": None, "remarks": [],
    }  # fmt: skip
    haiti = office.json("amina", "area", "define", "haiti", "--country", "HT")
    both = office.json("amina", "area", "define", "both", "--country", "DO", "--country", "HT")
    assert both["cells"] == own + haiti["cells"], "a ring takes no neighbour's cell, nor does a country"


def test_a_ring_of_the_sea_takes_no_cell_of_a_neighbour() -> None:
    land = land_table()
    ring = np.setdiff1d(cells_of_countries(["DO"], ring=2), land.cells_of("DO"))
    assert len(ring) > 0
    assert set(land.country_of(ring).tolist()) == {SEA}
    assert (land.country_of(np.setdiff1d(cells_around(land.cells_of("DO"), 2), ring)) != SEA).all()


def test_a_landlocked_country_leaves_no_shore_out(office: Office) -> None:
    assert "at sea" not in office.good("amina", "area", "define", "inland", "--country", "CZ")


def test_a_ring_widens_any_shape_and_needs_one(office: Office) -> None:
    small = office.json("amina", "area", "define", "small", *CIRCLE)
    wide = office.json("amina", "area", "define", "wide", *CIRCLE, "--ring", "1")
    cells = cells_in_circle(46.6, 32.6, 30e3)
    assert (small["cells"], wide["cells"]) == (len(cells), len(cells_around(cells)))
    code, _, error = office("amina", "area", "change", "small", "--ring", "1", "--reason", "x")
    assert (code, "--ring widens a shape, and none is named" in error) == (1, True)


def test_an_area_without_any_land_is_told(office: Office) -> None:
    said = office.good("amina", "area", "define", "bad", "--circle", "71.7,-19.55,12")
    assert "none of its cells is land: were latitude and longitude exchanged?" in said
    said = office.good("amina", "area", "change", "bad", "--circle", "19.55,-71.7,12", "--reason", "mended")
    assert "none of its cells" not in said
    said = office.good("amina", "area", "change", "bad", "--circle", "71.7,-19.55,12", "--reason", "again")
    assert "none of its cells" in said
