"""Erasing: what is gone is gone, proofs hold, and the check knows it."""

import pytest
from control_world import World
from keeping import join

from openleo.base.errors import BadInput, OpenleoError
from openleo.control import accounts, ledger
from openleo.control.areas import NotFound
from openleo.control.authorize import Forbidden
from openleo.control.erasing import ERASED, NotErasable, erase
from openleo.control.fsck import check_store
from openleo.control.log import leaf_hash, make_proof, open_checkpoint, verify_proof
from openleo.control.request import NeedsReason
from openleo.control.schema import entries, entry_fields


@pytest.fixture
def told(network: World) -> World:
    network.act("amina", lambda tx: accounts.add_account(tx, "ngo", title="An NGO"))
    network.act("amina", lambda tx: accounts.end(tx, "ngo", "disabled", reason="Valentyna did not pay"))
    return network


def last(world: World) -> int:
    return world.read("amina", lambda tx: ledger.size_of(tx.conn)) - 1


def test_the_text_is_nowhere_in_the_files_and_the_proof_still_holds(told: World) -> None:
    index = last(told)
    done = told.act("amina", lambda tx: erase(tx, index, ["reason"], reason="she asked for it"))
    assert done.fields == ["reason", "body"]
    assert list(done.repeated_in) == []
    told.plane.store.settle()
    content = b"".join(path.read_bytes() for path in told.folder.iterdir())
    assert b"Valentyna" not in content
    assert told.read("amina", lambda tx: accounts.find_account(tx, "ngo")).reason == ERASED
    assert told.read("amina", lambda tx: accounts.find_account(tx, "ngo")).status == "disabled"

    def proof(tx):  # type: ignore[no-untyped-def]
        leaf = bytes(
            tx.conn.execute(entries.select().where(entries.c.index == index)).mappings().one()["leaf"]
        )
        checkpoint = told.plane.store.checkpoint()
        size = open_checkpoint(checkpoint, [told.plane.store.vkey]).size
        read = lambda level, n: ledger.node_at(tx.conn, level, n)  # noqa: E731
        return leaf, make_proof(read, index=index, size=size, checkpoint=checkpoint)

    leaf, found = told.read("amina", proof)
    verify_proof(found, leaf, [told.plane.store.vkey])
    assert leaf_hash(leaf)
    report = check_store(told.plane.store)
    assert (report.failures, report.checked["erased fields"]) == ([], 2)


def test_the_salt_goes_with_the_value(told: World) -> None:
    index = last(told)
    told.act("amina", lambda tx: erase(tx, index, ["reason"], reason="she asked for it"))
    rows = told.read(
        "amina", lambda tx: tx.conn.execute(entry_fields.select().where(entry_fields.c.index == index)).all()
    )
    assert {r.name for r in rows if r.salt is None} == {"reason", "body"}
    assert {r.name for r in rows if r.value is not None} >= {"kind", "account", "by", "decided_at"}
    with pytest.raises(LookupError):
        told.read("amina", lambda tx: ledger.body_of(tx.conn, index))


def test_it_tells_where_else_the_same_text_stands(told: World) -> None:
    index = last(told)
    told.act("amina", lambda tx: accounts.enable(tx, "ngo"))
    told.act("amina", lambda tx: accounts.end(tx, "ngo", "closed", reason="Valentyna did not pay"))
    again = last(told)
    done = told.act("amina", lambda tx: erase(tx, index, ["reason"], reason="she asked for it"))
    assert list(done.repeated_in) == [again]
    assert told.read("amina", lambda tx: accounts.find_account(tx, "ngo")).reason == "Valentyna did not pay"
    assert check_store(told.plane.store).failures == []


@pytest.mark.parametrize(
    ("index", "fields", "reason", "error"),
    [
        (2, ["reasons"], "x", BadInput), (2, [], "x", BadInput), (99, ["reason"], "x", NotFound),
        (2, ["reason"], " ", NeedsReason), (3, ["reason"], "x", NotErasable),
    ],
)  # fmt: skip
def test_what_is_not_erased(
    told: World, index: int, fields: list[str], reason: str, error: type[OpenleoError]
) -> None:
    told.act("amina", lambda tx: erase(tx, 2, ["reason"], reason="she asked for it"))
    with pytest.raises(error):
        told.act("amina", lambda tx: erase(tx, index, fields, reason=reason))


def test_who_may_not_manage_the_store_erases_nothing(told: World) -> None:
    join(told, "kofi")
    with pytest.raises(Forbidden):
        told.act("kofi", lambda tx: erase(tx, 2, ["reason"], reason="x"))
