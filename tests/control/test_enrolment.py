from datetime import timedelta

import pytest
from control_terminals import Device, enrolled, prepare, row_of, serve
from control_world import World
from sqlalchemy import select

from openleo.base.errors import BadInput
from openleo.control import revocation
from openleo.control.areas import NotFound
from openleo.control.authorize import Forbidden
from openleo.control.enrolment import (
    CODE_LIFE,
    KeyInUse,
    NotCutOff,
    WrongCode,
    accept_key,
    enrol,
    make_claim_codes,
    offered_keys,
    to_prove,
)
from openleo.control.inventory import Selection
from openleo.control.schema import claim_codes

ALL, ONE = Selection(batch="b"), Selection(ids=["ut-1"])


@pytest.fixture
def served(network: World) -> World:
    prepare(network)
    serve(network)
    return network


def _code(world: World, which: Selection = ONE) -> str:
    return world.act("amina", lambda tx: make_claim_codes(tx, which))[0].code


def _enrol(world: World, code: str, device: Device, proof: str | None = None) -> str:
    signed = device.sign(to_prove(code, device.public_key)) if proof is None else proof
    return world.act("openleo", lambda tx: enrol(tx, code, public_key=device.public_key, proof=signed))


def test_a_key_counts_once_an_operator_has_accepted_it(served: World) -> None:
    device, code = Device(served, "ut-1"), _code(served)
    assert _enrol(served, code, device) == "ut-1"
    assert row_of(served, "ut-1").public_key is None
    [waiting] = served.read("amina", offered_keys)
    assert (waiting.terminal_id, waiting.offered_key) == ("ut-1", device.public_key)
    served.act("amina", lambda tx: accept_key(tx, "ut-1", key=device.public_key))
    assert row_of(served, "ut-1").public_key == device.public_key
    assert served.read("amina", offered_keys) == []


def test_a_code_is_read_as_people_type_it(served: World) -> None:
    code = _code(served).upper().replace("-", " ").replace("0", "O").replace("1", "l")
    assert _enrol(served, code, Device(served, "ut-1")) == "ut-1"


def test_the_store_holds_no_code(served: World) -> None:
    plain = _code(served).replace("-", "")
    row = served.read("amina", lambda tx: tx.conn.execute(select(claim_codes)).one())
    assert row.id == plain[:8]
    assert row.hash.startswith("$argon2id$")
    assert plain[8:] not in str(row)


def _used(world: World) -> str:
    code = _code(world)
    _enrol(world, code, Device(world, "ut-1"))
    return code


def _old(world: World) -> str:
    code = _code(world)
    world.clock.now += CODE_LIFE
    return code


def _replaced(world: World) -> str:
    code = _code(world)
    _code(world)
    return code


def _revoked(world: World) -> str:
    code = _code(world)
    world.act("amina", lambda tx: revocation.revoke(tx, ONE, reason="x"))
    return code


WRONG = {
    "used": _used, "old": _old, "replaced": _replaced, "revoked": _revoked,
    "nobody's": lambda world: "0000-0000-0000-0000-0000-0000", "empty": lambda world: "",
    "half": lambda world: _code(world)[:12], "mistyped": lambda world: _code(world)[:-1] + "u",
}  # fmt: skip


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_whatever_is_wrong_with_a_code_the_words_are_the_same(served: World, make) -> None:
    code = make(served)
    with pytest.raises(WrongCode) as caught:
        _enrol(served, code, Device(served, "ut-1"))
    assert caught.value.detail == "this claim code is not good (any more)"


def test_a_code_is_good_until_the_last_moment_of_its_day(served: World) -> None:
    code = _code(served)
    served.clock.now += CODE_LIFE - timedelta(microseconds=1)
    assert _enrol(served, code, Device(served, "ut-1")) == "ut-1"


def test_whoever_offers_a_key_proves_that_they_have_it_and_may_try_again(served: World) -> None:
    device, code = Device(served, "ut-1"), _code(served)
    with pytest.raises(BadInput, match="proof"):
        _enrol(served, code, device, proof=Device(served, "ut-1").sign(to_prove(code, device.public_key)))
    with pytest.raises(BadInput, match="no public key"):
        served.act("openleo", lambda tx: enrol(tx, code, public_key="AAAA", proof=""))
    assert _enrol(served, code, device) == "ut-1"


def test_the_operator_accepts_what_the_device_shows_and_no_key_twice(served: World) -> None:
    with pytest.raises(NotFound, match="no key of ut-1 waits"):
        served.act("amina", lambda tx: accept_key(tx, "ut-1"))
    device = enrolled(served, "ut-1")
    _enrol(served, _code(served, Selection(ids=["ut-2"])), device)
    with pytest.raises(BadInput, match="not another"):
        served.act("amina", lambda tx: accept_key(tx, "ut-2", key="another"))
    with pytest.raises(KeyInUse, match="ut-1's"):
        served.act("amina", lambda tx: accept_key(tx, "ut-2"))


def test_nobody_makes_codes_for_what_was_revoked_or_without_the_right(served: World) -> None:
    served.add_person("viktor", "viewer")
    with pytest.raises(Forbidden):
        served.act("viktor", lambda tx: make_claim_codes(tx, ALL))
    served.act("amina", lambda tx: revocation.revoke(tx, ONE, reason="x"))
    with pytest.raises(NotCutOff):
        served.act("amina", lambda tx: make_claim_codes(tx, ALL))
