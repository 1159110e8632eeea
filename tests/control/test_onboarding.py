import time
from pathlib import Path

import h3.api.basic_int as h3
import pytest
from control_terminals import prepare, row_of, stock
from control_world import World
from sqlalchemy import func, select

from openleo.base.errors import BadInput
from openleo.control import onboarding
from openleo.control.areas import Exists, NotFound
from openleo.control.authorize import Forbidden
from openleo.control.facts import fold, read_facts
from openleo.control.inventory import MOST_TERMINALS, Selection, list_terminals
from openleo.control.onboarding_file import BadFile, BadRows, read_terminals
from openleo.control.schema import DECIDED, batches, custody, entries, lines, terminals
from openleo.ground.cells import cell_of
from openleo.ground.terminal_files import read_terminals as read_placed


@pytest.fixture(autouse=True)
def _prepared(network: World) -> None:
    prepare(network)


def _count(network: World, table: object) -> int:
    return network.read(
        "amina", lambda tx: tx.conn.execute(select(func.count()).select_from(table)).scalar_one()
    )


def test_five_thousand_terminals_are_one_entry_and_take_seconds(network: World) -> None:
    rows = "".join(f"ut-{n:04},mini,fixed,UA,{46 + n / 5000},32.5\n" for n in range(5000))
    text = f"id,kind,plan,country,latitude_deg,longitude_deg\n{rows}"
    before, began = _count(network, entries), time.perf_counter()
    stock(network, text, account="relief", batch="spring")
    assert time.perf_counter() - began < 20
    assert _count(network, entries) == before + 1
    assert (_count(network, terminals), _count(network, lines), _count(network, custody)) == (
        5000,
        5000,
        5000,
    )


def test_a_row_becomes_a_terminal_with_its_line_its_batch_and_its_first_holder(network: World) -> None:
    text = (
        "id;kind;plan;country;latitude_deg;longitude_deg;life_critical;name;holder\r\n"
        "ut-1;Mini;fixed;UA;46.6;32.6;YES;Kherson hospital;depot\r\n"
    )
    stock(network, "\ufeff" + text, account="relief", area="kherson", batch="spring")
    row = row_of(network, "ut-1")
    assert (row.kind, row.account_id, row.line_id, row.area_id) == ("mini", "relief", "ut-1", "kherson")
    assert (row.state, row.life_critical, row.name, row.holder) == (
        "stocked",
        True,
        "Kherson hospital",
        "depot",
    )
    assert row.serial == "ut-1"
    assert f"{row.cell:x}".startswith("87")
    batch = network.read("amina", lambda tx: tx.conn.execute(select(batches)).one())
    name, digest = batch.source.split(" sha256:")
    assert (batch.id, name, len(digest)) == ("spring", "batch.csv", 64)


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        ("ut-2,standrad,relief,,,,,,", "kind", "did you mean standard"),
        ("UT 2,standard,relief,,,,,,", "id", "a-z"),
        (",standard,relief,,,,,,", "id", "a-z"),
        ("ut-1,standard,relief,,,,,,", "id", "line 2 has it too"),
        ("ut-2,standard,releif,,,,,,", "account", "did you mean relief"),
        ("ut-2,standard,relief,fixd,UA,46,32,,", "plan", "did you mean fixed"),
        ("ut-2,standard,relief,fixed,Ukraine,46,32,,", "country", "UA"),
        ("ut-2,standard,relief,fixed,UA,96,32,,", "latitude_deg", "between"),
        ("ut-2,standard,relief,fixed,UA,nan,32,,", "latitude_deg", "between"),
        ("ut-2,standard,relief,fixed,UA,here,32,,", "latitude_deg", "degrees"),
        ("ut-2,standard,relief,fixed,UA,46,,,", "longitude_deg", "together"),
        ("ut-2,standard,relief,,UA,46,32,,", "plan", "needs a plan"),
        ("ut-2,standard,,fixed,UA,46,32,,", "plan", "needs an account"),
        ("ut-2,standard,relief,,,,,maybe,", "life_critical", "yes or no"),
        ("ut-2,standard,relief,,,,,yes,", "name", "who depends"),
        (f"ut-2,standard,relief,,,,,,{'x' * 201}", "name", "200"),
        (f"{'u' * 65},standard,relief,,,,,,", "id", "64"),
        ("ut-2,standard,relief", "row", "3 columns"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_told_and_nothing_is_taken(network: World, row: str, column: str, said: str) -> None:
    header = "id,kind,account,plan,country,latitude_deg,longitude_deg,life_critical,name"
    with pytest.raises(BadRows) as caught:
        stock(network, f"{header}\nut-1,standard,relief,,,,,,\n{row}\n")
    [problem] = caught.value.problems
    assert (problem.line, problem.column) == (3, column)
    assert said in problem.what
    assert "line 3" in caught.value.detail
    assert caught.value.code == "bad-rows"
    assert _count(network, terminals) == 0
    assert _count(network, batches) == 0


def test_every_wrong_row_is_known_and_the_first_few_are_shown(network: World) -> None:
    rows = "".join(f"ut-{n},dish,nobody\n" for n in range(50))
    with pytest.raises(BadRows) as caught:
        stock(
            network,
            f"id,kind\nut-x,mini\n{rows}".replace("id,kind\nut-x,mini", "id,kind,account\nut-x,mini,"),
        )
    assert len(caught.value.problems) == 50
    assert "50 of 51 rows of batch.csv are wrong" in caught.value.detail
    assert "and 42 more" in caught.value.detail


def test_what_is_there_already_is_told_row_by_row(network: World) -> None:
    stock(network, "id,kind,serial\nut-1,mini,s-1\nut-2,mini,s-2\n")
    with pytest.raises(BadRows) as caught:
        stock(network, "id,kind,serial\nut-1,mini,s-9\nut-3,mini,s-2\nut-4,mini,s-4\n")
    assert [(p.line, p.column) for p in caught.value.problems] == [(2, "id"), (3, "serial")]
    assert _count(network, terminals) == 2


def test_a_serial_that_is_another_rows_id_is_a_repetition() -> None:
    with pytest.raises(BadRows) as caught:
        read_terminals(b"id,kind,serial\nut-1,mini,ut-2\nut-2,mini,\n", "x.csv")
    assert [(p.line, p.column) for p in caught.value.problems] == [(3, "serial")]


def test_a_service_line_must_be_the_accounts_own(network: World) -> None:
    network.add("account", "other", status="active", title="", reason="", cut_terminals=[])
    network.add("line", "l-1", account_id="relief", status="active")
    stock(network, "id,kind,account,line\nut-1,mini,relief,l-1\n")
    with pytest.raises(BadRows, match="account relief's, not other's"):
        stock(network, "id,kind,account,line\nut-2,mini,other,l-1\n")
    with pytest.raises(BadRows, match="either a line"):
        stock(network, "id,kind,account,line,plan\nut-2,mini,relief,l-1,fixed\n")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"id,kind\n", "no rows"),
        (b"\xff\xfei\0d\0", "UTF-16"),
        (b"id,kind\nut-1,\xe9\n", "line 2"),
        (b"name,kind\nx,mini\n", "no column 'id'"),
        (b"id,kind,colour\nx,mini,red\n", "colour"),
        (b"id,kind,id\nx,mini,y\n", "two columns"),
        (b'id,kind\nut-1,"mini\n', "line 2"),
    ],
)
def test_a_file_that_is_no_list_of_terminals_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(BadFile) as caught:
        read_terminals(data, "x.csv")
    assert said in f"{caught.value.detail} {caught.value.hint}"


def test_half_a_file_is_seen() -> None:
    with pytest.raises(BadRows, match="whole file copied"):
        read_terminals(b"id,kind,holder\nut-1,mini,depot\nut-2,mi", "x.csv")


def test_a_file_that_is_too_long_is_refused() -> None:
    rows = b"".join(b"ut-%d,mini\n" % n for n in range(MOST_TERMINALS + 1))
    with pytest.raises(BadFile, match="more than 100,000 rows"):
        read_terminals(b"id,kind\n" + rows, "x.csv")


def test_only_those_who_may_onboard_in_an_area_do(network: World) -> None:
    network.add_person("lena", "logistics", "kherson")
    source = onboarding.Source.of(b"id,kind\nut-1,mini\n", "x.csv")
    network.act("lena", lambda tx: onboarding.onboard(tx, source, area="kherson"))
    other = onboarding.Source.of(b"id,kind\nut-2,mini\n", "x.csv")
    with pytest.raises(Forbidden):
        network.act("lena", lambda tx: onboarding.onboard(tx, other))
    stock(network, "id,kind\nut-3,mini\n")
    assert [r.id for r in network.read("lena", lambda tx: list_terminals(tx, Selection()))] == ["ut-1"]


def test_a_batch_is_made_once(network: World) -> None:
    stock(network, "id,kind\nut-1,mini\n", batch="b")
    with pytest.raises(Exists):
        stock(network, "id,kind\nut-2,mini\n", batch="b")


def test_the_tables_are_what_the_facts_say(network: World) -> None:
    stock(network, "id,kind,plan,latitude_deg,longitude_deg\nut-1,mini,fixed,46,32\n", account="relief")
    with network.plane.store.reading() as conn:
        state = fold(fact for _, fact in read_facts(conn))
        for noun in ("terminal", "line"):
            for row in conn.execute(select(DECIDED[noun])):
                columns = {k: v for k, v in row._mapping.items() if k in state[noun][row.id]}
                assert state[noun][row.id] == columns


def test_a_plan_and_a_country_are_given_for_rows_that_name_none(network: World) -> None:
    network.add("plan", "other", title="", ocean=True, active=True)
    network.add("line", "l-1", account_id="relief", status="active")
    text = (
        "id,kind,line,plan,country,latitude,longitude\n"
        "ut-1,mini,,,,46.6,32.6\nut-2,mini,,other,RO,46.6,32.6\nut-3,mini,l-1,,,,\nut-4,mini,,,,,\n"
    )
    source = onboarding.Source.of(text.encode(), "x.csv", plan="fixed", country="ua")
    network.act("amina", lambda tx: onboarding.onboard(tx, source, account="relief"))
    found = network.read("amina", lambda tx: tx.conn.execute(select(lines).order_by(lines.c.id)).all())
    assert [(r.id, r.plan_id, r.country, r.latitude_deg) for r in found] == [
        ("l-1", None, None, None), ("ut-1", "fixed", "UA", 46.6), ("ut-2", "other", "RO", 46.6),
        ("ut-4", "fixed", "UA", None),
    ]  # fmt: skip
    with pytest.raises(BadInput, match="no country code"):
        onboarding.Source.of(text.encode(), "x.csv", plan="fixed", country="Ukraine")


def test_what_is_closed_takes_nothing_more_in(network: World) -> None:
    network.add("account", "gone", status="closed", title="", reason="", cut_terminals=[])
    network.add("plan", "old", title="", ocean=True, active=False)
    network.add("line", "l-1", account_id="relief", status="closed")
    with pytest.raises(BadRows) as caught:
        stock(
            network,
            "id,kind,account,plan,line\nut-1,mini,gone,,\nut-2,mini,relief,old,\nut-3,mini,relief,,l-1\n",
        )
    assert [(p.line, p.column) for p in caught.value.problems] == [(2, "account"), (3, "plan"), (4, "line")]
    assert all("closed" in p.what for p in caught.value.problems)


def test_one_file_is_taken_in_and_places_a_scenarios_terminals(network: World, tmp_path: Path) -> None:
    path = tmp_path / "kits.csv"
    path.write_text(
        "id,serial,kind,account,area,holder,plan,country,latitude_deg,longitude_deg,backup_hours,"
        "life_critical,name\nut-1,s-1,mini,relief,kherson,depot,fixed,UA,46.6,32.6,4,yes,Hospital\n"
    )
    stock(network, path.read_text())
    read = read_placed(path)
    assert (list(read.terminals.ids), read.ignored_columns) == (["ut-1"], ())


def test_the_cell_of_service_is_that_of_the_place_and_not_of_the_cell_of_operations(network: World) -> None:
    text = "id,kind,plan,latitude_deg,longitude_deg\nkit,mini,fixed,19.8081,-70.6789\nblank,mini,,,\n"
    stock(network, text, account="relief")
    row = row_of(network, "kit")
    assert f"{row.service_cell:x}" == "854cf25bfffffff"
    assert row.service_cell == cell_of(19.8081, -70.6789)
    assert h3.cell_to_parent(row.cell, 5) != row.service_cell
    assert row_of(network, "blank").service_cell is None


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"account": "releif"}, "there is no account 'releif', which was named for all rows"),
        ({"account": "relief", "area": "khersn"}, "there is no area 'khersn', which was named for all rows"),
        ({"account": "relief", "plan": "fixd"}, "there is no plan 'fixd', which was named for all rows"),
    ],
)
def test_a_wrong_name_for_all_rows_is_told_once_and_not_of_each_row(
    network: World, named: dict[str, str], said: str
) -> None:
    source = onboarding.Source.of(b"id,kind\nut-1,mini\nut-2,mini\n", "x.csv", plan=named.get("plan", ""))
    how = {key: name for key, name in named.items() if key != "plan"}
    with pytest.raises(NotFound) as caught:
        network.act("amina", lambda tx: onboarding.onboard(tx, source, **how))
    assert caught.value.detail == said
    assert "did you mean" in caught.value.hint
    assert _count(network, terminals) == 0


def test_a_closed_account_for_all_rows_is_told_once(network: World) -> None:
    network.add("account", "gone", status="closed", title="", reason="", cut_terminals=[])
    source = onboarding.Source.of(b"id,kind\nut-1,mini\n", "x.csv")
    with pytest.raises(BadInput, match="account gone is closed, and was named for all rows"):
        network.act("amina", lambda tx: onboarding.onboard(tx, source, account="gone"))


@pytest.mark.parametrize(
    ("column", "meant"),
    [("lat", "latitude_deg"), ("Lon", "longitude_deg"), ("lng", "longitude_deg"), ("long", "longitude_deg")],
)
def test_short_names_of_coordinates_are_told_in_full(column: str, meant: str) -> None:
    with pytest.raises(BadFile) as caught:
        read_terminals(f"id,kind,{column}\nut-1,mini,46\n".encode(), "x.csv")
    assert caught.value.hint == f"did you mean {meant}?"
