"""The register: importing kits again and again, accounts, and the commands that keep it."""

import json
import sqlite3
from pathlib import Path

import pytest

from openleo.base.errors import BadInput
from openleo.cli._main import exit_code_of
from openleo.fleet.database import FleetDatabase
from openleo.fleet.importing import Imported, import_kits
from openleo.fleet.kit_file import read_kits
from openleo.fleet.register import DishEntry, Register, VendorAccount
from openleo.fleet.tags import Tags

Capture = pytest.CaptureFixture[str]


def take(register: Register, text: str, *, strict: bool = False) -> Imported:
    return import_kits(register, read_kits(text.encode(), "kits.csv"), strict=strict)


def kit_ids(register: Register) -> dict[str, str]:
    return {kit.id: kit.terminal for kit in register.kits()}


def test_a_file_that_is_given_again_changes_what_changed_and_says_so(tmp_path: Path) -> None:
    with Register(tmp_path) as register:
        first = take(register, "kit,site,holder\nKIT1,A,Olena\nKIT2,B,Ivan\n")
        again = take(register, "kit,site,holder\nKIT1,A,Petro\nKIT3,C,\n")
        assert (first.new, again.new) == (("KIT1", "KIT2"), ("KIT3",))
        assert again.changed == {"KIT1": ["holder Olena -> Petro"]}
        assert again.not_named == ("KIT2",)
        assert {kit.id: kit.holder for kit in register.kits()} == {
            "KIT1": "Petro",
            "KIT2": "Ivan",
            "KIT3": "",
        }
        assert take(register, "kit,site,holder\nKIT1,A,Petro\n").same == 1


def test_columns_that_a_file_does_not_have_stay_as_they_were(tmp_path: Path) -> None:
    with Register(tmp_path) as register:
        take(register, "kit,site,lat,lon\nKIT1,A,48,32\n")
        take(register, "kit,holder\nKIT1,Olena\n")
        [kit] = register.kits()
        assert (kit.site, kit.latitude_deg, kit.holder) == ("A", 48.0, "Olena")


def test_a_blank_cell_never_ends_a_kits_being_life_critical_and_a_no_is_named(tmp_path: Path) -> None:
    with Register(tmp_path) as register:
        take(register, "kit,critical\nKIT1,yes\n")
        assert take(register, "kit,critical\nKIT1,\n").same == 1
        assert register.kits()[0].life_critical
        assert take(register, "kit,critical\nKIT1,no\n").no_longer_critical == ("KIT1",)
        assert not register.kits()[0].life_critical


def test_strict_takes_nothing_where_a_row_is_wrong(tmp_path: Path) -> None:
    with Register(tmp_path) as register:
        with pytest.raises(BadInput, match="line 3"):
            take(register, "kit\nKIT1\nK!T\n", strict=True)
        assert register.kits() == []


def test_two_kits_may_change_terminals_within_one_file(tmp_path: Path) -> None:
    with Register(tmp_path) as register:
        take(register, "kit,terminal\nKIT1,t-1\nKIT2,t-2\n")
        assert take(register, "kit,terminal\nKIT1,t-2\nKIT2,t-1\n").bad == ()
        assert kit_ids(register) == {"KIT1": "t-2", "KIT2": "t-1"}


def test_a_terminal_is_not_taken_from_a_kit_that_keeps_it(tmp_path: Path) -> None:
    with Register(tmp_path) as register:
        take(register, "kit,terminal\nKIT1,t-1\n")
        done = take(register, "kit,terminal\nKIT2,t-1\nKIT3,t-3\n")
        assert [(bad.line, "kit KIT1's" in bad.reason) for bad in done.bad] == [(2, True)]
        assert kit_ids(register) == {"KIT1": "t-1", "KIT3": "t-3"}


def test_a_kit_known_by_its_terminal_gets_its_number_later(tmp_path: Path) -> None:
    with Register(tmp_path) as register:
        take(register, "terminal,site\nt-1,A\n")
        take(register, "kit,terminal\nKIT1,t-1\n")
        [kit] = register.kits()
        assert (kit.kit, kit.site) == ("KIT1", "A")
        assert register.find_kits("kit1") == [kit]


def test_telemetry_is_tagged_with_the_accounts_and_sites_of_kits(tmp_path: Path) -> None:
    with Register(tmp_path) as register:
        take(register, "kit,terminal,site,account\nKIT1,t-1,Clinic,A-1\nKIT2,t-2,Depot,A-1\n")
        assert tags(tmp_path, "site") == {"t-1": "Clinic", "t-2": "Depot"}
        take(register, "kit,terminal,site,account\nKIT1,t-3,Clinic,A-2\nKIT2,t-2,,A-1\n")
        assert tags(tmp_path, "site") == {"t-3": "Clinic"}
        assert tags(tmp_path, "account") == {"t-3": "A-2", "t-2": "A-1"}
        register.remove_kit("KIT2")
        assert tags(tmp_path, "account") == {"t-3": "A-2"}


def tags(folder: Path, name: str) -> dict[str, str]:
    with FleetDatabase(folder) as database:
        return Tags(database).of(name)


def test_one_service_account_is_not_read_twice(tmp_path: Path) -> None:
    with Register(tmp_path) as register:
        one = VendorAccount(name="north", url="https://vendor.example", client_id="c-1", secret_env="S")
        register.put_account(one)
        with pytest.raises(BadInput, match="take each other's batches"):
            register.put_account(VendorAccount(name="south", url=one.url, client_id="c-1", secret_env="S"))
        register.put_account(VendorAccount(name="south", url=one.url, client_id="c-2", secret_env="S"))
        assert [account.name for account in register.accounts()] == ["north", "south"]


def test_a_register_is_its_owners_alone_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    Register(folder).close()
    assert (folder.stat().st_mode & 0o077, (folder / "fleet.db").stat().st_mode & 0o077) == (0, 0)
    for file in folder.iterdir():
        file.write_bytes(b"not a database" * 100)
    with pytest.raises(BadInput, match="cannot be used"):
        Register(folder)


def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    with Register(tmp_path) as register:
        take(register, "kit\nKIT1\n")
        pages = register._db.execute("PRAGMA page_count").fetchone()[0]
        register._db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite says then what a full disk does
        rows = "\n".join(f"KIT{n},{'x' * 190}" for n in range(2, 500))
        with pytest.raises(BadInput, match="full"):
            take(register, f"kit,note\n{rows}\n")
        assert kit_ids(register) == {"KIT1": ""}


def test_the_commands_import_list_and_remove(tmp_path: Path, capsys: Capture) -> None:
    file, data = tmp_path / "kits.csv", ["--data", str(tmp_path)]
    file.write_text("kit;site;Colour\nKIT1;Clinic;red\nK!T;Depot;\n")
    assert exit_code_of(["fleet", "import", str(file), *data]) == 0
    told = capsys.readouterr().out
    assert "line 3" in told
    assert "'Colour'" in told
    assert "1 new, 0 changed, 0 as they were, 1 wrong" in told
    assert exit_code_of(["fleet", "list", *data]) == 0
    assert "Clinic" in capsys.readouterr().out
    assert exit_code_of(["fleet", "remove", "clinic", *data]) == 0
    assert exit_code_of(["fleet", "list", "--format", "json", *data]) == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2])["kits"] == []


def test_a_dry_run_changes_nothing(tmp_path: Path, capsys: Capture) -> None:
    file, data = tmp_path / "kits.csv", ["--data", str(tmp_path)]
    file.write_text("kit\nKIT1\n")
    assert exit_code_of(["fleet", "import", str(file), "--dry-run", *data]) == 0
    assert "1 would be new" in capsys.readouterr().out
    with Register(tmp_path / "fleet") as register:
        assert register.kits() == []


def test_a_name_that_may_be_several_things_removes_nothing(tmp_path: Path, capsys: Capture) -> None:
    with Register(tmp_path / "fleet") as register:
        take(register, "kit,site\nKIT1,A\nKIT2,A\n")
        register.put_dish(DishEntry(address="192.168.100.1", source="10.0.0.2"))
        register.put_dish(DishEntry(address="192.168.100.1", source="10.0.0.3"))
    for name in ("A", "192.168.100.1"):
        assert exit_code_of(["fleet", "remove", name, "--data", str(tmp_path)]) == 1
        assert "may be 2 things" in capsys.readouterr().err
    assert exit_code_of(["fleet", "remove", "KIT9", "--data", str(tmp_path)]) == 1
    assert "KIT" in capsys.readouterr().err


def test_the_register_can_be_read_while_another_writes(tmp_path: Path) -> None:
    with Register(tmp_path) as register:
        take(register, "kit\nKIT1\n")
        other = sqlite3.connect(tmp_path / "fleet.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM kits")
        assert kit_ids(register) == {"KIT1": ""}
        other.execute("ROLLBACK")
        other.close()
