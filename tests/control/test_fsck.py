"""The check of a store: nothing changed but by a decision, and each decision is its people's."""

import json

import pytest
from control_world import World
from keeping import area, cut, give, join, pair, terminal

from openleo.base.errors import BadInput
from openleo.control import accounts, ledger, people, switching
from openleo.control.facts import Fact, fold, read_facts
from openleo.control.fsck import check_store
from openleo.control.ledger import Decision
from openleo.control.plane import Plane
from openleo.control.schema import DECIDED
from openleo.control.store import Store
from openleo.control.switching import ask, propose, to_sign


@pytest.fixture
def lived(network: World) -> World:
    """A network in which something of everything was decided."""
    world = network
    area(world, "north")
    join(world, "kofi")
    give(world, "kofi", "owner")
    world.act("amina", lambda tx: accounts.add_account(tx, "hospital", title="Hospital"))
    world.add("line", "l1", account_id="hospital", status="active")
    terminal(world, "ward", "hospital", critical=True, line="l1")
    both = cut(
        world, "amina", "jonas", ("ward",),
        lambda tx: accounts.end_text(tx, "hospital", "disabled", reason="moved", include=("ward",)),
    )  # fmt: skip
    world.act("amina", lambda tx: accounts.end(tx, "hospital", "disabled", reason="moved", cut=both))
    switch(world, "on")
    signed = world.read("jonas", lambda tx: switching.emergency_text(tx, "north", reason="spies"))
    signature = world.credentials["jonas"].sign("emergency", signed[1])
    world.act("jonas", lambda tx: switching.emergency_off(tx, "north", reason="spies", signature=signature))
    new = people_key(world)
    assert new
    return world


def switch(world: World, to: str, first: str = "amina", second: str = "jonas") -> None:
    asked = world.act(first, lambda tx: ask(tx, "north", to, reason="aid")).id
    text = world.read(first, lambda tx: to_sign(tx, asked))
    a, b = (world.credentials[n] for n in (first, second))
    world.act(first, lambda tx: propose(tx, asked, signature=a.sign("propose", text)))
    world.act(second, lambda tx: switching.approve(tx, asked, signature=b.sign("approve", text)))


def people_key(world: World) -> int:
    from openleo.control.credential import Credential

    new = Credential.make("kofi", "n")
    both = pair(world, "amina", "jonas", lambda tx: people.key_text(tx, "kofi", new.public_key))
    return world.act("amina", lambda tx: people.set_key(tx, "kofi", new.public_key, pair=both))


def sql(world: World, *statements: str) -> None:
    """Change the database behind the control plane's back."""
    with world.plane.store._writer.begin() as conn:
        conn.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for statement in statements:
            conn.exec_driver_sql(statement)


def found(world: World) -> str:
    return "\n".join(f"{f.file}: {f.reason}" for f in check_store(world.plane.store).failures)


def test_a_sound_store_passes_and_says_what_was_checked(lived: World) -> None:
    report = check_store(lived.plane.store)
    assert report.failures == []
    size = lived.read("amina", lambda tx: ledger.size_of(tx.conn))
    assert report.checked["entries"] == size
    assert report.checked["signatures"] == 2 + 2 + 1 + 2 + 1 + 2  # grant, cut, proposal, both, emergency, key
    assert report.checked["pairs"] == 4


def test_the_tables_equal_a_replay_of_the_facts(lived: World) -> None:
    state = lived.read("amina", lambda tx: fold(f for _, f in read_facts(tx.conn)))
    for noun, table in DECIDED.items():
        rows = lived.read(
            "amina", lambda tx, t=table: [dict(r._mapping) for r in tx.conn.execute(t.select())]
        )
        assert {r["id"] for r in rows} == set(state[noun])


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE areas SET switch = 'on' WHERE id = 'north'", "area north: switch is 'on', and was decided"),
        ("UPDATE accounts SET status = 'active'", "account hospital: status is 'active'"),
        ("UPDATE accounts SET version = 9", "account hospital: version is 9"),
        ("UPDATE people SET human = 'someone' WHERE id = 'kofi'", "person kofi: human is 'someone'"),
        ("UPDATE grants SET active = 0 WHERE id = 'g-1'", "grant g-1: active is False"),
        ("INSERT INTO accounts VALUES ('new', '', 'active', '', '[]', 1)", "account new: it is there"),
        ("DELETE FROM terminals", "terminal ward: it was decided, and is not there"),
        ("UPDATE facts SET changes = json_set(changes, '$.switch', 'off') WHERE noun = 'area' AND "
         "json_extract(changes, '$.switch') = 'on'", "its facts are not those that were decided"),
        ("UPDATE facts SET slot = slot + 1 WHERE noun = 'account'", "its facts are not those"),
        ("DELETE FROM facts WHERE noun = 'account'", "its facts are not those that were decided"),
        ("UPDATE entry_fields SET value = '\"no\"' WHERE name = 'reason' AND \"index\" = 1",
         "entry 1: reason is not what its leaf commits to"),
        ("UPDATE entry_fields SET salt = zeroblob(32) WHERE name = 'body' AND \"index\" = 2",
         "entry 2: body is not what its leaf commits to"),
        ("UPDATE entry_fields SET salt = NULL, value = NULL WHERE name = 'body' AND \"index\" = 3",
         "entry 3: body is gone, and no decision erased it"),
        ("DELETE FROM entry_fields WHERE name = 'embargo' AND \"index\" = 3", "entry 3: its fields are"),
        ("UPDATE entries SET kind = 'area.redefined' WHERE \"index\" = 1", "entry 1: it is filed with kind"),
        ("UPDATE entries SET decided_at = '2020-01-01T00:00:00.000000Z' WHERE \"index\" = 1", "decided_at"),
        ("UPDATE entries SET leaf = zeroblob(length(leaf)) WHERE \"index\" = 1", "entry 1: its leaf has not"),
        ("UPDATE nodes SET hash = zeroblob(32) WHERE level = 0 AND \"index\" = 2", "tree level 0: hash 2"),
        ("UPDATE nodes SET hash = zeroblob(32) WHERE level = 1 AND \"index\" = 0", "tree level 1: hash 0"),
        ("DELETE FROM nodes WHERE level = 2 AND \"index\" = 0", "tree level 2: hash 0"),
        ("INSERT INTO nodes VALUES (9, 0, zeroblob(32))", "tree level 9: there should be none"),
    ],
)  # fmt: skip
def test_each_change_behind_the_log_is_named(lived: World, statement: str, says: str) -> None:
    sql(lived, statement)
    assert says in found(lived)


def test_an_entry_without_its_fields_or_a_field_without_its_entry_is_named(lived: World) -> None:
    last = lived.read("amina", lambda tx: ledger.size_of(tx.conn)) - 1
    with lived.plane.store._writer.connect() as conn:
        conn.exec_driver_sql("COMMIT")
        conn.exec_driver_sql("PRAGMA foreign_keys = OFF")
        conn.exec_driver_sql(f'DELETE FROM entries WHERE "index" = {last}')
        conn.exec_driver_sql("PRAGMA foreign_keys = ON")
        conn.exec_driver_sql("BEGIN")
    said = found(lived)
    assert f"table entry_fields: it has rows of entry {last}, which is not there" in said
    assert f"guard: it signs for {last + 1} entries, and there are {last}" in said


def test_a_switch_that_nobody_signed_is_named(lived: World) -> None:
    """Someone with the server's disk writes a decision that no two people made: log and tables fit."""
    version = lived.read("amina", lambda tx: switching.find_area(tx.conn, "north").version)
    fact = Fact(noun="area", id="north", changes={"switch": "on", "version": version + 1}, slot=99_999_999)
    for kind, says in (
        ("area.switched", "it takes two people, and nobody signed to propose"),
        ("account.enabled", "account.enabled switches area north, which it cannot"),
        ("vendor.observed", "was observed on, and None was decided"),
    ):
        index = lived.record(kind, fact)
        assert f"entry {index}: " in found(lived)
        assert says in found(lived)


def test_one_signature_copied_for_two_is_named(lived: World) -> None:
    version = lived.read("amina", lambda tx: switching.find_area(tx.conn, "north").version)
    text = f"area: north at version {version}\nswitch: on\n"
    mine = lived.credentials["amina"]
    signed = {"propose amina": mine.sign("propose", text), "approve amina": mine.sign("approve", text)}
    fact = Fact(noun="area", id="north", changes={"switch": "on", "version": version + 1}, slot=99_999_999)
    decision = Decision(
        kind="area.switched",
        action="on",
        area="north",
        reason="x",
        facts=[fact],
        signed=text,
        signatures=signed,
    )
    lived.act("openleo", lambda tx: tx.record(decision))
    assert "amina and amina are one human" in found(lived)


def test_signatures_over_another_change_are_named(lived: World) -> None:
    version = lived.read("amina", lambda tx: switching.find_area(tx.conn, "north").version)
    text = f"area: north at version {version}\nswitch: off\n"
    signed = {
        f"{verb} {who}": lived.credentials[who].sign(verb, text)
        for verb, who in (("propose", "amina"), ("approve", "jonas"))
    }
    fact = Fact(noun="area", id="north", changes={"switch": "on", "version": version + 1}, slot=99_999_999)
    decision = Decision(
        kind="area.switched",
        action="on",
        area="north",
        reason="x",
        facts=[fact],
        signed=text,
        signatures=signed,
    )
    lived.act("openleo", lambda tx: tx.record(decision))
    assert "switch on was done, and off was signed" in found(lived)


def test_a_signature_of_a_key_of_another_time_is_named(lived: World) -> None:
    """kofi's key was replaced: the old one signs nothing after that."""
    old = lived.credentials["kofi"]
    decision = Decision(
        kind="note",
        reason="x",
        facts=[],
        signed="text",
        signatures={"approve kofi": old.sign("approve", "text")},
    )
    index = lived.act("openleo", lambda tx: tx.record(decision))
    assert f"entry {index}: the signature `approve kofi` is not kofi's" in found(lived)


def test_a_role_that_decides_written_by_one_is_named(lived: World) -> None:
    changes = {"person_id": "kofi", "role": "approver", "area_id": None, "active": True, "version": 1}
    lived.record("grant.made", Fact(noun="grant", id="g-99", changes=changes, new=True))
    lived.record("person.added", Fact(noun="grant", id="g-98", changes=changes, new=True))
    assert found(lived).count("it takes two people, and nobody signed to propose") == 2


@pytest.mark.parametrize(
    ("noun", "id", "changes"),
    [
        ("terminal", "ward", {"state": "suspended"}),
        ("terminal", "ward", {"state": "captured"}),
        ("terminal", "ward", {"life_critical": False}),
        ("terminal", "ward", {"line_id": None}),
        ("line", "l1", {"status": "paused"}),
        ("list", "x", {"kind": "block", "accounts": [], "terminals": ["ward"], "country": None}),
        ("list", "x", {"kind": "block", "accounts": ["hospital"], "terminals": [], "country": None}),
        ("account", "hospital", {"cut_terminals": ["ward"]}),
    ],
)
def test_what_lives_depend_on_cut_by_one_is_named(
    lived: World, noun: str, id: str, changes: dict[str, object]
) -> None:
    assert found(lived) == ""
    index = lived.record(
        "something.done", Fact(noun=noun, id=id, changes=changes, slot=1, new=noun == "list")
    )
    assert f"entry {index}: it takes two people, and nobody signed to propose" in found(lived)


def test_a_damaged_file_is_named(lived: World) -> None:
    lived.plane.store.settle()
    lived.plane.close()
    path = lived.folder / "control.db"
    content = bytearray(path.read_bytes())
    for page in range(10, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(BadInput, match="it is damaged"):
        Store.open(lived.folder)


def test_a_missing_index_is_named(lived: World) -> None:
    sql(
        lived, "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = NULL, rootpage = 2 WHERE name = 'sqlite_autoindex_terminals_1'",
    )  # fmt: skip
    lived.plane.close()
    lived.plane = Plane.open(lived.folder, clock=lived.clock)
    assert "database: " in found(lived)


def test_bodies_hold_facts_as_json_writes_them(lived: World) -> None:
    body = lived.read("amina", lambda tx: ledger.body_of(tx.conn, 0))
    assert json.loads(json.dumps(body)) == body
