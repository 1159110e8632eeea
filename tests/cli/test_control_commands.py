"""The commands about the control plane itself, people, accounts and purging, as people type them."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from openleo.cli._main import exit_code_of
from openleo.control import passwords


class Shell:
    """Runs commands in a folder, and gives what they print."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(self, command: str, code: int = 0, **named: object) -> str:
        args = [part.format(**named) if named else part for part in command.split()]
        found = exit_code_of(args)
        out, err = self._capsys.readouterr()
        assert found == code, f"{command}\n{out}{err}"
        return out + err

    def json(self, command: str) -> Any:
        code = exit_code_of([*command.split(), "--format", "json"])
        out, err = self._capsys.readouterr()
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(passwords, "profile", passwords.CHEAP)
    monkeypatch.setenv("OPENLEO_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("OPENLEO_AS", "amina.credential")
    return Shell(tmp_path, capsys)


@pytest.fixture
def kivu(shell: Shell) -> Shell:
    shell("control init kivu --kind simulated --owner amina --owner jonas")
    return shell


def test_a_founding_says_what_comes_next_and_keeps_credentials_private(shell: Shell) -> None:
    said = shell("control init kivu --kind simulated --owner amina --owner jonas=jonas-k --credentials keys")
    assert "network kivu (simulated) is founded" in said
    assert "openleo/kivu+" in said
    assert "next: openleo area define" in said
    for name in ("amina", "jonas"):
        path = shell.folder / "keys" / f"{name}.credential"
        assert path.stat().st_mode & 0o777 == 0o600
        assert json.loads(path.read_text())["person"] == name


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--owner amina", "needs 2 owners who are different people"),
        ("--owner amina --owner amina-2=amina", "there is 1"),
        ("--owner amina --owner amina", "given twice"),
        ("--owner Amina --owner jonas", "cannot be the name of a person"),
    ],
)
def test_foundings_that_cannot_be_leave_nothing(shell: Shell, options: str, says: str) -> None:
    for sealed in ("", " --seal --key-file k.key"):
        assert says in shell(f"control init kivu --kind enforced {options}{sealed}", 1)
        assert not list(shell.folder.rglob("control.db"))
        assert not list(shell.folder.rglob("keyslot.json"))
        assert not list(shell.folder.glob("*.credential"))
        (shell.folder / "k.key").unlink(missing_ok=True)


def test_nothing_is_founded_twice(kivu: Shell) -> None:
    said = kivu("control init kivu --kind enforced --owner a --owner b --credentials x", 1)
    assert "holds a control database already" in said


def test_a_person_joins_is_given_a_role_by_two_and_leaves(kivu: Shell) -> None:
    kivu("person add kofi")
    assert "takes two people" in kivu("person grant kofi approver", 1)
    assert "grant g-3" in kivu("person grant kofi approver --second jonas.credential")
    assert "cannot be both" in kivu("person grant kofi operator --second amina.credential", 1)
    found = {p["person"]: p["roles"] for p in kivu.json("person list")}
    assert found == {"amina": ["owner"], "jonas": ["owner"], "kofi": ["approver"]}
    assert kivu.json("person show kofi")["grants"][0]["approved_by"] == "jonas"
    kivu("person revoke g-3")
    kivu("person deactivate kofi --reason left")
    assert "nobody is known by this token" in kivu("person show --as kofi.credential", 1)


def test_a_credential_is_not_left_where_nobody_was_added(kivu: Shell) -> None:
    kivu("person add jonas --credential again", 1)
    assert not (kivu.folder / "again").exists()
    (kivu.folder / "kofi.credential").write_text("mine")
    assert "is there already" in kivu("person add kofi", 1)
    assert [p["person"] for p in kivu.json("person list")] == ["amina", "jonas"]


def test_tokens_are_shown_once_and_revoked(kivu: Shell) -> None:
    made = kivu.json("person token --label cron --expires 30d")
    assert made["token"].startswith("oleo_")
    assert made["token"] not in kivu("person show")
    kivu(f"person token --revoke {made['id']}")
    assert kivu.json("person show")["tokens"][0]["revoked_at"]


def test_one_makes_a_new_key_with_the_old_one(kivu: Shell) -> None:
    kivu("person key --new amina2.credential")
    kivu("person add kofi --as amina2.credential")
    said = kivu("person grant kofi approver --second jonas.credential", 1)  # the old key
    assert "not amina's signature" in said
    kivu("person grant kofi approver --second jonas.credential --as amina2.credential")
    assert "makes their own key" in kivu("person key jonas --new x.credential --as amina2.credential", 1)
    assert not (kivu.folder / "x.credential").exists()


def test_who_can_says_why(kivu: Shell) -> None:
    said = kivu("who-can decide.approve")
    assert "amina is owner of the whole network (grant g-1)" in said
    assert kivu.json("who-can decide.approve")[1]["person"] == "jonas"
    kivu("person add kofi")
    assert kivu("who-can area.read --person kofi").startswith("no: kofi holds no role")
    assert "did you mean decide.approve" in kivu("who-can decide.aprove", 1)
    assert "no area 'nort'" in kivu("who-can decide.approve nort", 1)


def test_accounts_plans_lines_and_lists(kivu: Shell) -> None:
    kivu("account add ngo")
    kivu("account plan local --no-ocean --roaming UA,PL --max-speed-kmh 100 --max-distance-km 50")
    kivu("account line l1 --account ngo --plan local --country UA --address 50.45,30.52")
    kivu("account line l1 --status paused")
    kivu("account block-list bad --account ngo --reason sanctions")
    kivu("account lift-list bad")
    assert "account ngo is disabled from" in kivu("account disable ngo --reason unpaid")
    assert kivu.json("account show ngo")["lines"][0]["status"] == "paused"
    assert kivu.json("account plans")[0]["roaming"] == ["PL", "UA"]
    assert kivu.json("account lists")[0]["active"] is False
    assert kivu.json("account lines")[0]["latitude_deg"] == 50.45
    kivu("account enable ngo --effective 2030-01-01T00:00:00Z")
    assert "before 2030-01-01" in kivu("account close ngo --reason x --effective 2029-01-01T00:00Z", 1)
    assert "--reason" in kivu("account disable ngo", 2)


def test_a_sealed_store_is_backed_up_checked_purged_and_restored(shell: Shell) -> None:
    shell("control init kivu --kind enforced --owner amina --owner jonas --seal --key-file k.key")
    assert "is sealed with a key file" in shell("person list", 1)
    shell("person add kofi --key-file k.key")
    assert "sealed, as the store is" in shell("control backup b.tar --key-file k.key")
    assert "all is as it was decided" in shell("control check --key-file k.key")
    assert "is not the name of the network" in shell("purge --yes-purge goma", 1)
    said = shell("purge --yes-purge kivu")
    assert "cannot be read" in said
    assert not list((shell.folder / "data").rglob("*"))
    assert "--accept guard-missing" in shell("control restore b.tar --key-file k.key", 1)
    shell("control restore b.tar --key-file k.key --accept guard-missing")
    assert len(shell.json("person list --key-file k.key")) == 3


def test_a_passphrase_is_asked_for(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    typed: list[str] = []
    monkeypatch.setattr("click.prompt", lambda *a, **k: typed.pop(0))
    typed += ["too short"]
    assert "12 are the fewest" in shell("control init kivu --kind enforced --owner a --owner b --seal", 1)
    typed += ["six words that nobody put together"]
    shell("control init kivu --kind enforced --owner amina --owner jonas --seal")
    typed += ["six words that nobody put together"]
    assert "amina" in shell("person list")
    typed += ["seven words that nobody put together"]
    assert "the passphrase does not open" in shell("person list", 1)
    typed += ["six words that nobody put together", "eight words that nobody put together"]
    shell("control passphrase")
    typed += ["eight words that nobody put together"]
    shell("control check")


def test_a_check_that_fails_names_what_and_ends_with_one(kivu: Shell) -> None:
    import sqlite3

    database = kivu.folder / "data" / "control" / "control.db"
    with sqlite3.connect(database) as conn:
        conn.execute("UPDATE people SET human = 'other' WHERE id = 'jonas'")
    conn.close()
    said = kivu("control check", 1)
    assert "wrong: person jonas: human is 'other', and was decided to be 'jonas'" in said
    assert "error: 1 thing in the store is not as decided" in said


def test_purge_asks_and_says_what_it_cannot_promise(kivu: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["goma", "kivu"])
    monkeypatch.setattr("click.prompt", lambda *a, **k: next(answers))
    assert "nothing was done" in kivu("purge", 1)
    said = kivu("purge")
    assert "on a flash disk" in said
    assert "overwriting promises nothing" in said
    assert not (kivu.folder / "data" / "control").exists()


def test_erasing_says_that_backups_still_hold_it(kivu: Shell) -> None:
    kivu("person add kofi --reason neighbour")
    said = kivu("control erase 1 --field reason --reason asked")
    assert "erased of entry 1: reason, body" in said
    assert "backups still hold it" in said
    kivu("control check")
    assert b"neighbour" not in (kivu.folder / "data/control/control.db").read_bytes()


def test_upgrade_leaves_a_store_of_this_version_as_it_is(kivu: Shell) -> None:
    assert "is of version" in kivu("control upgrade")
    kivu("control check")


def test_the_served_network_answers_and_ends_when_it_is_told_to(kivu: Shell) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        "from openleo.cli import main; main()",
        "control",
        "serve",
        "--port",
        str(port),
    ]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        assert server.stderr.readline() == f"serving kivu on http://127.0.0.1:{port}/openapi.json\n"
        for _ in range(200):
            try:
                answer = urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=5)
                break
            except OSError:
                time.sleep(0.1)
        with answer:
            assert json.load(answer)["openapi"]
        kivu("person list")  # reads beside it
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=20)
    kivu("person add kofi")


@pytest.mark.parametrize(
    "command", ["person list", "control check", "control upgrade", "purge --yes-purge x"]
)
def test_where_there_is_no_store_the_commands_say_so(shell: Shell, command: str) -> None:
    (shell.folder / "amina.credential").write_text('{"person":"a","network":"n","token":"t","seed":"AAAA"}')
    assert "there is no control database" in shell(command, 1)
