"""`openleo log`: reading, proving, publishing, disclosing, and checking a copy with the key alone."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from openleo.cli._main import exit_code_of
from openleo.control.founding import found_network
from openleo.control.network import Network, NetworkKind


class Office:
    """A network in which kherson was defined: entry 1."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        network = Network(name="test", kind=NetworkKind.ENFORCED, origin="openleo.test/log")
        owners = {"amina": "amina", "jonas": "jonas"}
        found_network(folder / "data" / "control", network, owners)["amina"].write(folder / "key")
        self.good("area", "define", "kherson", "--circle", "46.6,32.6,20", "--reason", "a test")
        self.vkey = self.good("log", "key").strip()

    def run(self, *args: str, alone: bool = False) -> tuple[int, str, str]:
        """Run a command; ``alone`` without database and credential."""
        more = () if alone else ("--data", str(self.folder / "data"), "--as", str(self.folder / "key"))
        code = exit_code_of([*args, *more])
        out, err = self.capsys.readouterr()
        return code, out, err

    def good(self, *args: str, alone: bool = False) -> str:
        code, out, err = self.run(*args, alone=alone)
        assert (code, err) == (0, ""), err
        return out

    def package(self) -> Path:
        """End the embargo of entry 1 and disclose it."""
        until = ("--until", "2026-01-01T00:00:00Z")
        self.good("log", "embargo", "1", *until, "--reason", "a court said so")
        to = ("--to", "The Daily", "--reason", "law")
        self.good("log", "disclose", str(self.folder / "p"), "--entries", "1", "--fields", "area,time", *to)
        return self.folder / "p"


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    return Office(tmp_path, capsys)


def test_entries_are_listed_and_shown_whole(office: Office) -> None:
    assert "area.defined" in office.good("log", "list", "--area", "kherson")
    assert office.good("log", "list", "--kind", "grant.") == "there is no entry that you may read\n"
    shown = office.good("log", "show", "1")
    assert "reason: a test" in shown
    assert "by: amina" in shown
    fields = json.loads(office.good("log", "show", "1", "--format", "json"))["fields"]
    assert fields["area"] == "kherson"


def test_before_its_embargo_nothing_is_disclosed(office: Office) -> None:
    to = ("--to", "The Daily", "--reason", "law")
    code, out, err = office.run(
        "log", "disclose", str(office.folder / "p"), "--entries", "1", "--fields", "area", *to
    )
    assert (code, out) == (1, "")
    assert "nothing of entry 1 is to be shown before" in err
    assert "openleo log embargo 1 --until" in err
    assert not (office.folder / "p").exists()


def test_the_journalists_copy_is_checked_with_nothing_but_the_key(office: Office) -> None:
    folder = office.package()
    shutil.rmtree(office.folder / "data")
    out = office.good("log", "verify", str(folder), "--key", office.vkey, alone=True)
    assert out.endswith("all is well: openleo.test/log, 4 entries\n")
    assert 'area: "kherson"' in out
    assert "entry 1 is shown before" in out
    assert "entries 4" in out


@pytest.mark.parametrize("name", ["checkpoint", "disclosed/1.json", "tile/0/000.p/4", "tile/entries/000.p/4"])
def test_one_changed_byte_is_named_with_its_file(office: Office, name: str) -> None:
    folder = office.package()
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    code, out, _ = office.run("log", "verify", str(folder), "--key", office.vkey, alone=True)
    assert code == 1
    assert f"FAILED {name}: " in out
    assert "this copy is not to be trusted" in out


def test_a_kept_checkpoint_binds_the_log(office: Office) -> None:
    kept = office.folder / "kept"
    kept.write_text(office.good("log", "checkpoint"))
    office.good("area", "define", "odesa", "--circle", "46.5,30.7,20")
    said = office.good("log", "publish", str(office.folder / "pub"))
    assert "the log to entry 2, 3 of its entries new" in said
    check = ("log", "verify", str(office.folder / "pub"), "--key", office.vkey)
    assert "older checkpoints 1" in office.good(*check, "--older", str(kept), alone=True)
    forged = Office(office.folder / "other", office.capsys)
    kept.write_text(forged.good("log", "checkpoint"))
    assert office.run(*check, "--older", str(kept), alone=True)[0] == 1


def test_a_proof_is_checked_alone_and_fails_where_it_was_changed(office: Office) -> None:
    path = office.folder / "1.tlog-proof"
    office.good("log", "proof", "1", "--out", str(path))
    (office.folder / "vkey").write_text(office.vkey + "\n")
    check = ("log", "verify", str(path), "--key", str(office.folder / "vkey"))
    assert "entry 1 is in openleo.test/log" in office.good(*check, alone=True)
    good = path.read_bytes()
    for at in range(0, len(good), 3):
        bad = bytearray(good)
        bad[at] ^= 1
        path.write_bytes(bad)
        code, out, _ = office.run(*check, alone=True)
        assert (code, out.startswith("FAILED ")) == (1, True), at


def test_as_json_it_says_what_was_checked(office: Office) -> None:
    folder = office.package()
    out = office.good("log", "verify", str(folder), "--key", office.vkey, "--format", "json", alone=True)
    found: dict[str, Any] = json.loads(out)
    assert (found["ok"], found["failures"], found["checked"]["entries"]) == (True, [], 4)
    assert found["disclosed"][0]["fields"]["area"] == '"kherson"'


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("log", "verify", "nowhere", "--key", "x+12345678+AAAA"), "no signature type"),
        (("log", "verify", "nowhere", "--key", "missing"), "neither a log's public key nor a file"),
        (("log", "embargo", "1", "--reason", "x"), "not clear what to embargo"),
        (("log", "embargo", "1", "--days", "3", "--reason", "x"), "not clear what to embargo"),
        (
            ("log", "disclose", "p", "--entries", "one", "--fields", "area", "--to", "x", "--reason", "x"),
            "'one' are no entries",
        ),
        (
            ("log", "disclose", "p", "--entries", "1", "--fields", "aria", "--to", "x", "--reason", "x"),
            "no field 'aria'",
        ),
        (("log", "proof", "77", "--out", "f"), "no entry 77"),
    ],
)
def test_what_is_wrong_is_said(office: Office, args: tuple[str, ...], says: str) -> None:
    code, _, err = office.run(*args, alone=args[1] == "verify")
    assert code == 1
    assert says in err
    assert "hint: " in err


def test_the_networks_embargo_is_set_in_days(office: Office) -> None:
    said = office.good("log", "embargo", "--days", "0", "--reason", "a transparent network")
    assert "of entries to come nothing is shown for 0 days; log entry 2" in said
    office.good("area", "define", "odesa", "--circle", "46.5,30.7,20")
    to = ("--to", "all", "--reason", "ours is public")
    said = office.good(
        "log", "disclose", str(office.folder / "p"), "--area", "odesa", "--fields", "area,kind", *to
    )
    assert "of entries 3" in said
