"""A dish that is not the one that the list tells: replaced, or at a wrong address; its kit stays guarded."""

import sqlite3
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from openleo.base.errors import BadInput
from openleo.cli._fleet_changes import Changes
from openleo.cli._main import exit_code_of
from openleo.fleet.acting.choosing import candidates
from openleo.fleet.acting.path import Routes
from openleo.fleet.books import FleetBook
from openleo.fleet.collect import Collector, Pages, Seen
from openleo.fleet.database import FleetDatabase
from openleo.fleet.importing import Imported, import_kits
from openleo.fleet.kit_file import read_kits
from openleo.fleet.looking import looking
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.sample import Sample
from openleo.fleet.table.rows import table_of
from openleo.fleet.tags import Tags

Capture = pytest.CaptureFixture[str]
UT = [f"ut00000000-00000000-0000000{n}" for n in range(10)]
HEAD = "kit,site,held by,phone,life critical,note,terminal,address\n"
CLINIC = HEAD + "A,clinic,Olena,+380 50 111,yes,our_path=yes,,10.0.0.1\nB,yard,Petro,,no,,,10.0.0.2\n"


def given(data: Path, text: str) -> Imported:
    with Register(data / "fleet") as register:
        return import_kits(register, read_kits(text.encode(), "kits.csv"))


def tells(data: Path, address: str, terminal: str, *, ago_s: float = 5) -> None:
    """A dish answers, some minutes long, as a collector keeps it."""
    now_ns = time.time_ns() - round(ago_s * 1e9)
    samples = [
        Sample(
            terminal=terminal, time_ns=now_ns - n * 15 * 10**9, source="dish", reachable=True, period_s=15,
            ping_drop=0.0, downlink_mbps=1.0,
        )
        for n in range(20)
    ]  # fmt: skip
    with FleetBook(data / "fleet") as book:
        entry = next(dish for dish in book.register.dishes() if dish.address == address)
        done = {entry.key: (replace(entry, terminal=terminal), {"terminal": terminal, "counter": 15})}
        book.write(Pages(samples=samples, progress=done))


def terminals(data: Path) -> dict[str, str]:
    with Register(data / "fleet") as register:
        return {kit.id: kit.terminal for kit in register.kits()}


def run(capsys: Capture, *words: object, code: int = 0) -> str:
    assert exit_code_of(["fleet", *map(str, words)]) == code
    caught = capsys.readouterr()
    return caught.out + caught.err


def test_a_kits_protection_goes_with_its_dish_that_was_replaced(tmp_path: Path, capsys: Capture) -> None:
    given(tmp_path, CLINIC)
    tells(tmp_path, "10.0.0.1", UT[1], ago_s=3_600)
    tells(tmp_path, "10.0.0.2", UT[2])
    assert terminals(tmp_path) == {"A": UT[1], "B": UT[2]}
    tells(tmp_path, "10.0.0.1", UT[9])
    assert terminals(tmp_path) == {"A": UT[9], "B": UT[2]}
    with FleetDatabase(tmp_path / "fleet") as database:
        assert Tags(database).of("site") == {UT[9]: "clinic", UT[2]: "yard"}
    assert run(capsys, "allow", "stow", "--reason", "x", "--data", tmp_path)
    told = run(capsys, "do", "stow", "--where", "by-us", "--data", tmp_path)
    assert f"{UT[9]} (A) clinic: our-path" in told
    assert "LIFE-CRITICAL" not in run(capsys, "--data", tmp_path), "the clinic is online"


@pytest.mark.parametrize("listed", ["A", "nobody"])
def test_a_dish_that_is_not_the_terminal_of_the_list_is_told_and_guarded(
    listed: str, tmp_path: Path, capsys: Capture
) -> None:
    mine = CLINIC.replace("our_path=yes,,", f"our_path=yes,{UT[1]},")
    given(tmp_path, mine + ("" if listed == "nobody" else f"C,pier,,,no,,{UT[9]},\n"))
    tells(tmp_path, "10.0.0.1", UT[9])
    says = f"the dish at 10.0.0.1, asked for kit A ({UT[1]}), is {UT[9]}" + (
        ": replaced? put it into the list" if listed == "nobody" else ", which is kit C: mend the list"
    )
    assert says in run(capsys, "--data", tmp_path)
    assert says in run(capsys, "list", "--data", tmp_path)
    assert says in run(capsys, "report", "--data", tmp_path)
    (tmp_path / "kits.csv").write_text(mine)
    assert f"WARNING: {says}" in run(capsys, "import", tmp_path / "kits.csv", "--data", tmp_path)
    with looking(tmp_path / "fleet", None) as fleet:
        assert fleet.subjects[UT[9]].life_critical
        rows = table_of(fleet, fleet.survey()).rows
    [row] = [row for row in rows if row.terminal == UT[9]]
    blank = replace(row, life_critical=False, subject=replace(row.subject, note="", life_critical=False))
    for one in (row, blank):  # also where the table was made before
        [found] = candidates(tmp_path / "fleet", [one], Routes(watchers=()), {})
        assert found.life_critical
        assert found.way is not None
        assert found.way.verdict == "ours"


def test_a_kit_whose_dish_answers_as_another_is_not_told_as_one_that_nobody_sees(
    tmp_path: Path, capsys: Capture
) -> None:
    given(tmp_path, HEAD + f"A,clinic,Olena,,yes,,{UT[1]},10.0.0.1\n")
    tells(tmp_path, "10.0.0.1", UT[9])
    told = run(capsys, "--data", tmp_path)
    assert f"clinic, kit A: the dish at its address 10.0.0.1 says it is {UT[9]}" in told
    assert "nothing was ever heard of" not in told
    report = run(capsys, "report", "--data", tmp_path)
    assert f"Olena (holder). Next: the dish at its address 10.0.0.1 says it is {UT[9]}" in report
    assert "Nothing was ever heard of" not in report
    assert "Olena" not in report.split("## To call")[1]
    why = run(capsys, "why", UT[1], "--data", tmp_path)
    assert f"says it is {UT[9]}" in why


def test_naming_a_kit_while_its_dish_is_mute_keeps_what_the_dish_last_said(
    tmp_path: Path, capsys: Capture
) -> None:
    given(tmp_path, HEAD + f"A,clinic,,,yes,,{UT[1]},\n")
    with Register(tmp_path / "fleet") as register:
        register.put_dish(DishEntry(address="127.0.0.1:1", terminal=UT[9]))
    told = run(capsys, "add", "127.0.0.1:1", "--kit", "A", "--timeout", "0.2", "--data", tmp_path)
    assert f"asked for kit A ({UT[1]}), is {UT[9]}" in told
    with Register(tmp_path / "fleet") as register:
        assert [(dish.terminal, dish.kit) for dish in register.dishes()] == [(UT[9], "A")]


def test_a_corrected_list_corrects_kits_that_have_learned(tmp_path: Path) -> None:
    head = "kit,site,address\n"
    given(tmp_path, head + "A,roof,10.0.0.1\nB,yard,10.0.0.2\n")
    tells(tmp_path, "10.0.0.1", UT[1])
    tells(tmp_path, "10.0.0.2", UT[2])
    done = given(tmp_path, head + "A,roof,10.0.0.2\nB,yard,10.0.0.1\n")
    assert terminals(tmp_path) == {"A": UT[2], "B": UT[1]}
    assert done.changed["A"] == [f"terminal {UT[1]} -> {UT[2]}"]
    with FleetDatabase(tmp_path / "fleet") as database:
        assert Tags(database).of("site") == {UT[2]: "roof", UT[1]: "yard"}
    given(tmp_path, head + "A,roof,10.0.0.7\n")
    assert terminals(tmp_path) == {"A": "", "B": UT[1]}, "whom the dish there is was not heard yet"
    given(tmp_path, "kit,site,address,note\nB,yard,10.0.0.8,x\nC,pier,10.0.0.1,\n")
    assert terminals(tmp_path) == {"A": "", "B": "", "C": UT[1]}
    given(tmp_path, "kit,site,address,note\nC,pier,,x\nD,mill,10.0.0.1,\n")
    assert terminals(tmp_path) == {"A": "", "B": "", "C": "", "D": UT[1]}


def test_dishes_that_change_places_take_their_kits_along(tmp_path: Path) -> None:
    given(tmp_path, "kit,address\nA,10.0.0.1\nB,10.0.0.2\n")
    for address, terminal in (("10.0.0.1", UT[1]), ("10.0.0.2", UT[2]), ("10.0.0.1", UT[2])):
        tells(tmp_path, address, terminal)
    assert terminals(tmp_path) == {"A": UT[1], "B": UT[2]}, "two say one thing: each keeps its own"
    tells(tmp_path, "10.0.0.2", UT[1])
    assert terminals(tmp_path) == {"A": UT[2], "B": UT[1]}


def test_people_tell_of_one_kit_what_another_had_learned(tmp_path: Path) -> None:
    given(tmp_path, "kit,address\nA,10.0.0.1\n")
    tells(tmp_path, "10.0.0.1", UT[1])
    done = given(tmp_path, f"kit,terminal\nA,\nB,{UT[1]}\n")
    assert (done.bad, terminals(tmp_path)) == ((), {"A": "", "B": UT[1]})
    assert done.contradicted == (
        f"the dish at 10.0.0.1, asked for kit A, is {UT[1]}, which is kit B: mend the list",
    )
    given(tmp_path, f"kit,terminal\nB,{UT[5]}\n")
    assert terminals(tmp_path) == {"A": UT[1], "B": UT[5]}


def test_a_moved_dish_keeps_its_name(tmp_path: Path) -> None:
    given(tmp_path, "kit,address\nA,10.0.0.1\nB,10.0.0.2\n")
    with Register(tmp_path / "fleet") as register:
        register.put_dish(DishEntry(address="10.0.0.1", name="north", kit="A"))
    given(tmp_path, "kit,address\nA,10.0.0.3\n")
    given(tmp_path, "kit,address\nA,10.0.0.2\nB,10.0.0.3\n")
    with Register(tmp_path / "fleet") as register:
        assert [(dish.address, dish.name) for dish in register.dishes()] == [
            ("10.0.0.2", "north"), ("10.0.0.3", ""),
        ]  # fmt: skip


def test_an_import_that_cannot_be_written_leaves_all_dishes_polled(tmp_path: Path) -> None:
    rows = [f"K{n},10.0.0.{n}:9300" for n in range(200)]
    given(tmp_path, "kit,address\n" + "\n".join(rows))
    moved = "\n".join(row.replace("10.0.0", "10.0.1") + ",dish-" + "x" * 150 for row in rows)
    with Register(tmp_path / "fleet") as register:
        before = register.dishes()
        pages = register._db.execute("PRAGMA page_count").fetchone()[0]
        register._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(BadInput, match="full"):
            import_kits(register, read_kits(f"kit,address,note\n{moved}\n".encode(), "kits.csv"))
        assert register.dishes() == before
        register.put_dish(DishEntry(address=before[0].address, name="still writable", kit="K0"))


def test_an_import_that_is_stopped_leaves_all_as_it_was(tmp_path: Path) -> None:
    given(tmp_path, "kit,address\nA,10.0.0.1\nB,10.0.0.2\n")
    with Register(tmp_path / "fleet") as register:
        before = (register.kits(), register.dishes())
        stopped, most = 0, 20
        while True:  # stopped after ever more of the database's work
            left = iter([False] * most + [True])
            register._db.set_progress_handler(partial(next, left, False), 1)
            try:
                import_kits(register, read_kits(b"kit,address\nA,10.0.0.3\nB,10.0.0.4\n", "kits.csv"))
                break
            except (BadInput, sqlite3.Error):
                register._db.set_progress_handler(None, 1)
                assert (register.kits(), register.dishes()) == before
                stopped, most = stopped + 1, most * 11 // 10
        register._db.set_progress_handler(None, 1)
        assert stopped > 5
        assert [dish.address for dish in register.dishes()] == ["10.0.0.3", "10.0.0.4"]


def test_a_dry_run_tells_what_would_be_learned_and_changes_nothing(tmp_path: Path) -> None:
    given(tmp_path, "kit,address\nA,10.0.0.1\nB,10.0.0.2\n")
    tells(tmp_path, "10.0.0.1", UT[1])
    with Register(tmp_path / "fleet") as register:
        file = read_kits(b"kit,address\nA,10.0.0.2\nB,10.0.0.1\n", "kits.csv")
        done = import_kits(register, file, dry=True)
        assert done.changed["B"] == [f"terminal nothing -> {UT[1]}"]
        assert {dish.kit: dish.address for dish in register.dishes()} == {"A": "10.0.0.1", "B": "10.0.0.2"}
    assert terminals(tmp_path) == {"A": UT[1], "B": ""}


def test_a_row_that_is_refused_gives_nothing_up(tmp_path: Path) -> None:
    given(tmp_path, f"kit,terminal\nA,{UT[1]}\nC,{UT[3]}\n")
    done = given(tmp_path, f"kit,terminal\nA,{UT[3]}\nB,{UT[1]}\nD,{UT[4]}\n")
    assert [bad.line for bad in done.bad] == [2, 3]
    assert terminals(tmp_path) == {"A": UT[1], "C": UT[3], "D": UT[4]}


@pytest.mark.parametrize(
    ("there", "row"),
    [
        (f"kit,terminal\nA,{UT[1]}\n", f"A,,,Olena\n,{UT[1]},,Petro"),
        ("kit\nZ\n", "X1,,,Olena\n,,X1,Petro"),
    ],
)
def test_two_rows_about_one_kit_are_not_made_one(there: str, row: str, tmp_path: Path) -> None:
    given(tmp_path, there)
    done = given(tmp_path, f"kit,terminal,serial,holder\n{row}\n")
    [bad] = done.bad
    assert bad.line == 3
    assert "as line 2 is" in bad.reason
    with Register(tmp_path / "fleet") as register:
        assert "Olena" in {kit.holder for kit in register.kits()}


def test_a_kit_is_not_put_over_another_that_has_its_name_as_a_serial_number(tmp_path: Path) -> None:
    given(tmp_path, "serial,site\nX1,roof\n")
    [bad] = given(tmp_path, "kit,site\nX1,yard\n").bad
    assert "the register has another kit X1" in bad.reason


def test_names_and_telephones_do_not_wipe_each_other(tmp_path: Path, capsys: Capture) -> None:
    given(tmp_path, "kit,holder,phone\nA,Olena Lys,+380 50 111\n")
    assert given(tmp_path, "kit,holder\nA,Olena Lys\n").same == 1
    assert given(tmp_path, "kit,phone\nA,+380 67 222\n").changed == {
        "A": ["phone +380 50 111 -> +380 67 222"]
    }
    assert "Olena Lys, +380 67 222" in run(capsys, "list", "--data", tmp_path)
    assert "Olena Lys, +380 67 222" in run(capsys, "report", "--data", tmp_path)


def test_a_register_from_before_is_opened_with_all_that_it_holds(tmp_path: Path) -> None:
    (tmp_path / "fleet").mkdir()
    old = sqlite3.connect(tmp_path / "fleet" / "fleet.db")
    old.executescript(
        "CREATE TABLE kits (id TEXT PRIMARY KEY, kit TEXT NOT NULL, terminal TEXT NOT NULL,"
        " serial TEXT NOT NULL, site TEXT NOT NULL, account TEXT NOT NULL, holder TEXT NOT NULL,"
        " note TEXT NOT NULL, latitude_deg REAL, longitude_deg REAL, life_critical INTEGER NOT NULL,"
        " people INTEGER) STRICT;"
        f"INSERT INTO kits VALUES ('A','A','{UT[1]}','','roof','','Olena, +380 1','',NULL,NULL,1,9);"
    )
    old.close()
    for _ in range(2):
        with Register(tmp_path / "fleet") as register:
            [kit] = register.kits()
        assert (kit.called, kit.people, kit.life_critical, kit.learned) == ("Olena, +380 1", 9, True, False)
    done = given(tmp_path, "kit,phone\nA,+380 1\n")
    with Register(tmp_path / "fleet") as register:
        assert [kit.called for kit in register.kits()] == ["Olena, +380 1"]
    assert done.changed


def test_one_dish_is_one_however_its_address_is_written(tmp_path: Path, capsys: Capture) -> None:
    given(tmp_path, "kit,address\nA,10.0.0.1\n")
    assert given(tmp_path, "kit,address\nA,10.0.0.1:9200\n").moved == {}
    assert given(tmp_path, "kit,address\nB,10.0.0.1:9200\n").displaced == {"A": "10.0.0.1:9200"}
    assert "polled as before" in run(capsys, "add", "10.0.0.1:9200", "--timeout", "0.1", "--data", tmp_path)
    with Register(tmp_path / "fleet") as register:
        assert [(dish.address, dish.kit) for dish in register.dishes()] == [("10.0.0.1", "B")]


def test_a_dish_that_never_spoke_is_whom_people_say_its_kit_is(tmp_path: Path, capsys: Capture) -> None:
    given(tmp_path, f"kit,terminal\nA,{UT[1]}\n")
    run(capsys, "add", "127.0.0.1:1", "--kit", "A", "--timeout", "0.2", "--data", tmp_path)
    done = given(tmp_path, f"kit,terminal\nA,{UT[5]}\n")
    assert done.contradicted == ()
    with Register(tmp_path / "fleet") as register:
        assert [dish.terminal for dish in register.dishes()] == [UT[5]]


def test_a_change_of_a_dish_is_told_by_the_kit_that_it_is_asked_for(tmp_path: Path) -> None:
    given(tmp_path, CLINIC.replace("our_path=yes,,", f"our_path=yes,{UT[1]},"))
    tells(tmp_path, "10.0.0.1", UT[9])
    with FleetBook(tmp_path / "fleet") as book:
        [entry] = [dish for dish in book.dishes() if dish.kit == "A"]
        was = Seen(entry=entry, terminal=UT[9], state="online", detail="")
        line = Changes(Collector(book), book.register).line(was, replace(was, state="dark"))
    assert "LIFE-CRITICAL  clinic, kit A: online -> dark" in line


def test_the_next_step_is_about_the_same_data_and_of_one_kit_it_says_it(
    tmp_path: Path, capsys: Capture
) -> None:
    given(tmp_path, "kit,site\nK-1,roof\n")
    told = run(capsys, "--data", tmp_path)
    assert f"next: have it seen: `openleo fleet add ADDRESS --kit K-1 --data {tmp_path}`" in told
    assert f"`openleo fleet add ADDRESS --kit K-1 --data {tmp_path}`" in run(
        capsys, "report", "--data", tmp_path
    )
    assert f"--kit K-1 --data {tmp_path}`" in run(capsys, "why", "K-1", "--data", tmp_path)
