"""`openleo terminal`, as people type it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from openleo.cli._main import exit_code_of
from openleo.control.facts import Fact
from openleo.control.founding import found_network
from openleo.control.ledger import Decision
from openleo.control.network import Network, NetworkKind
from openleo.control.plane import SYSTEM, Plane

Openleo = Callable[..., tuple[int, str, str]]
ROWS = "id,kind,life_critical,name\nut-1,mini,,\nut-2,standard,,\nut-h,standard,yes,Kherson hospital\n"


@pytest.fixture
def openleo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Openleo:
    """Run a command as amina, in a network with an account; return its code, output and errors."""
    monkeypatch.chdir(tmp_path)
    network = Network(name="test", kind=NetworkKind.ENFORCED, origin="openleo.test/log")
    people = found_network(tmp_path / "control", network, {"amina": "amina", "jonas": "jonas"})
    for name, credential in people.items():
        credential.write(tmp_path / f"{name}.credential")
    account = {"status": "active", "title": "", "reason": "", "cut_terminals": [], "version": 1}
    fact = Fact(noun="account", id="relief", changes=account, slot=0, new=True)
    with Plane.open(tmp_path / "control") as plane:
        plane.act(SYSTEM, lambda tx: tx.record(Decision(kind="account.added", reason="", facts=[fact])))
    (tmp_path / "spring.csv").write_text(ROWS)
    monkeypatch.setenv("OPENLEO_HOME", str(tmp_path))
    monkeypatch.setenv("OPENLEO_AS", "amina.credential")

    def run(*args: str) -> tuple[int, str, str]:
        code = exit_code_of(["terminal", *args])
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


def _served(openleo: Openleo) -> None:
    for args in (
        ("onboard", "spring.csv", "--account", "relief", "--batch", "spring"),
        ("ship", "--batch", "spring", "--to", "driver"),
        ("receive", "--batch", "spring", "--holder", "depot"),
        ("activate", "--batch", "spring"),
    ):
        code, _, error = openleo(*args)
        assert code == 0, error


def test_a_batch_from_its_file_to_service(openleo: Openleo) -> None:
    _served(openleo)
    _, text, _ = openleo("list")
    assert "ut-h" in text
    assert "3 terminals: 3 active" in text
    _, text, _ = openleo("custody", "ut-1")
    assert [line.split()[2] for line in text.splitlines()[1:]] == ["stocked", "shipped", "received"]
    _, text, _ = openleo("show", "ut-h")
    assert "Kherson hospital" in text
    _, text, _ = openleo("show", "ut-h", "--format", "json")
    assert json.loads(text)["state"] == "active"
    assert "cell" not in json.loads(text)


def test_a_wrong_file_is_told_by_its_lines(openleo: Openleo) -> None:
    Path("spring.csv").write_text("id,kind\nut-1,mini\nut-2,minni\n")
    code, _, error = openleo("onboard", "spring.csv", "--account", "relief")
    assert code == 1
    assert "1 of 2 rows of spring.csv is wrong" in error
    assert "line 3, kind 'minni': did you mean mini?" in error
    code, _, error = openleo("onboard", "summer.csv")
    assert (code, "hint: name a CSV file" in error) == (1, True)
    assert "there are no such terminals" in openleo("list")[1]


def test_a_life_critical_terminal_takes_the_credential_of_a_second_person(openleo: Openleo) -> None:
    _served(openleo)
    code, _, error = openleo("revoke", "--batch", "spring", "--reason", "stolen")
    assert code == 1
    assert "ut-h (Kherson hospital)" in error
    assert "--second" in error
    code, text, _ = openleo("revoke", "--batch", "spring", "--not-life-critical", "--reason", "stolen")
    assert (code, "2 terminals: revoked from" in text) == (0, True)
    code, _, error = openleo(
        "captured", "ut-h", "--since", "2026-03-01T00:00:00Z", "--reason", "overrun", "--second",
        "amina.credential",
    )  # fmt: skip
    assert (code, "two people" in error) == (1, True)
    code, text, _ = openleo(
        "captured", "ut-h", "--since", "2026-03-01T00:00:00Z", "--reason", "overrun", "--second",
        "jonas.credential",
    )  # fmt: skip
    assert (code, "quarantined since 2026-03-01T00:00:00Z" in text) == (0, True)
    assert openleo("restore", "ut-h", "--reason", "retaken", "--holder", "brigade")[0] == 0


def test_the_rest_of_a_life_in_words(openleo: Openleo) -> None:
    _served(openleo)
    for args, said in (
        (("suspend", "ut-1", "--reason", "unpaid"), "ut-1: suspended from"),
        (("resume", "ut-1"), "ut-1: active from"),
        (("hold", "ut-1", "--reason", "seen elsewhere"), "ut-1: held from"),
        (("release", "ut-1", "--reason", "a permit"), "ut-1: active from"),
        (("hand", "ut-1", "--to", "school"), "ut-1: handed to school"),
        (("hand", "ut-1", "--lost", "--note", "fire"), "ut-1: lost"),
        (("hand", "ut-1", "--found", "--to", "police"), "ut-1: found"),
        (("incidents",), "there are no incidents"),
        (("position", "--reads"), "no position was read"),
        (("accept-key",), "no key waits"),
        (("locate",), "0 terminals moved"),
    ):
        code, text, error = openleo(*args)
        assert code == 0, error
        assert said in text


def test_claim_codes_are_printed_once(openleo: Openleo) -> None:
    _served(openleo)
    code, text, _ = openleo("claim-codes", "--batch", "spring")
    assert code == 0
    codes = [line.split()[1] for line in text.splitlines()[1:]]
    assert len({c.replace("-", "") for c in codes}) == 3
    assert all(len(c.replace("-", "")) == 24 for c in codes)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("show", "ut-9"), 1, "there is no terminal 'ut-9'"),
        (("hand", "ut-1"), 2, "--to HOLDER"),
        (("position", "ut-1"), 1, "says why"),
        (("position",), 2, "name a terminal"),
        (("activate",), 1, "not said which"),
        (("incidents", "--kind", "clones"), 1, "clones"),
        (("activate", "ut-1"), 1, "ut-1 is active"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(
    openleo: Openleo, args: tuple[str, ...], code: int, said: str
) -> None:
    _served(openleo)
    found, _, error = openleo(*args)
    assert (found, said in error) == (code, True), error
    assert "hint:" in error


def test_what_lives_depend_on_is_changed_with_a_second_person(openleo: Openleo) -> None:
    _served(openleo)
    words = ("change", "ut-h", "--not-life-critical", "--reason", "the hospital has moved out")
    code, _, error = openleo(*words)
    assert code == 1
    assert "Kherson hospital" in error
    assert "--second" in error
    code, text, error = openleo(*words, "--second", "jonas.credential")
    assert code == 0, error
    assert text.startswith("ut-h: changed from ")


def test_a_plan_stands_for_all_rows_of_a_file(openleo: Openleo) -> None:
    Path("spring.csv").write_text("id,kind,latitude_deg,longitude_deg\nut-1,mini,46.6,32.6\n")
    code, _, error = openleo("onboard", "spring.csv", "--account", "relief")
    assert code == 1
    assert "--plan" in error
    code, _, error = openleo("onboard", "spring.csv", "--account", "relief", "--plan", "fixed")
    assert code == 1
    assert "there is no such plan" in error
