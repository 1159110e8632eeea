from datetime import timedelta

import pytest
from control_terminals import KHERSON, Device, enrolled, incidents_of, prepare, serve
from control_world import World

from openleo.base.errors import BadInput
from openleo.control import custody, revocation
from openleo.control.check_ins import CheckIn, ClockOff, Revoked
from openleo.control.inventory import Selection
from openleo.control.keys import BadSignature

ONE = Selection(ids=["ut-1"])


@pytest.fixture
def device(network: World) -> Device:
    prepare(network)
    serve(network)
    return enrolled(network, "ut-1")


def test_a_signed_word_is_heard_once(device: Device) -> None:
    word = device.word("boot-a", 0)
    first, again = device.say(word), device.say(word)
    assert (first.served, first.code, first.fresh) == (True, "OKAY", True)
    assert (again.served, again.fresh) == (True, False)
    assert incidents_of(device.world) == []


def test_a_word_that_is_not_the_terminals_is_refused_in_the_same_words(device: Device) -> None:
    stranger = Device(device.world, "ut-1")
    unknown = Device(device.world, "ut-none")
    without_key = Device(device.world, "ut-2")
    told = set()
    for one in (stranger, unknown, without_key):
        with pytest.raises(BadSignature) as caught:
            one.say(one.word("boot-a", 0))
        told.add(caught.value.detail)
    assert len(told) == 1


def test_a_changed_word_is_refused(device: Device) -> None:
    said = device.word("boot-a", 0, position=KHERSON)
    moved = device.word("boot-a", 0, position=(KHERSON[0] + 1, KHERSON[1]))
    device.sign = lambda message: Device.sign(device, said.to_sign())  # type: ignore[method-assign]
    with pytest.raises(BadSignature):
        device.say(moved)


@pytest.mark.parametrize(("hours", "believed"), [(24, True), (-24, True), (24.001, False), (-24.001, False)])
def test_a_clock_may_be_a_day_off(device: Device, hours: float, believed: bool) -> None:
    word = device.word("boot-a", 0, device.world.clock.now + timedelta(hours=hours))
    if believed:
        assert device.say(word).fresh
    else:
        with pytest.raises(ClockOff):
            device.say(word)


@pytest.mark.parametrize("position", [(91.0, 0.0), (0.0, 181.0), (float("nan"), 0.0)])
def test_a_position_is_a_place_on_earth(device: Device, position: tuple[float, float]) -> None:
    with pytest.raises(BadInput, match="no position"):
        device.word("boot-a", 0, position=position)
    with pytest.raises(BadInput, match="numbers no word"):
        device.word("boot-a", -1)
    with pytest.raises(BadInput, match="a boot"):
        CheckIn(terminal="ut-1", boot="Boot A", seq=0, at=device.world.clock.now)


def test_a_revoked_terminals_next_word_is_refused(device: Device) -> None:
    device.say(device.word("boot-a", 0))
    device.world.act("amina", lambda tx: revocation.revoke(tx, ONE, reason="stolen"))
    with pytest.raises(Revoked):
        device.say(device.word("boot-a", 1))


def test_a_captured_terminals_word_is_kept_as_evidence_and_not_served(device: Device) -> None:
    since = device.world.clock.now
    device.world.act("amina", lambda tx: revocation.capture(tx, ONE, since=since, reason="overrun"))
    device.world.clock.turn(minutes=1)
    heard = device.say(device.word("boot-a", 7, position=KHERSON))
    assert (heard.served, heard.code, heard.quarantined) == (False, "ACCOUNT_DISABLED", True)
    [found] = incidents_of(device.world)
    assert (found.kind, found.key) == ("captured", "ut-1")
    assert found.details["latest"][0]["position"] == list(KHERSON)
    device.world.clock.turn(minutes=1)
    device.say(device.word("boot-a", 8))
    assert incidents_of(device.world)[0].details["times"] == 2


@pytest.mark.parametrize(("verb", "code"), [("suspend", "NO_ACTIVE_ACCOUNT"), ("hold", "ACCOUNT_DISABLED")])
def test_who_is_not_active_is_told_what_its_api_shows(device: Device, verb: str, code: str) -> None:
    act = {"suspend": custody.suspend, "hold": custody.hold}[verb]
    device.world.act("amina", lambda tx: act(tx, ONE, reason="x"))
    heard = device.say(device.word("boot-a", 0))
    assert (heard.served, heard.code, heard.quarantined) == (False, code, False)


def _timeline(device: Device, words: str) -> None:
    """Say words such as "a0 b0": boot and number, a minute apart; "b0@-30" with a clock so much off."""
    for text in words.split():
        name, _, off = text.partition("@")
        at = device.world.clock.turn(minutes=1) + timedelta(minutes=float(off or 0))
        device.say(device.word(f"boot-{name[0]}", int(name[1:]), at))


CLONES = {
    "two boots in turn": "a0 a1 b0 a2 b1", "one boot's numbers used twice": "a0 a1 a2 a1 a2",
    "three devices": "a0 b0 c0 a1 b1 c1",
}  # fmt: skip
HONEST = {
    "one boot": "a0 a1 a2", "reboots": "a0 a1 b0 b1 c0", "a word that came late": "a0 a2 a1@-1.5 a3",
    "the last words of the old boot come late": "a0 a1 b0 a2@-1.5 a3@-2.2 b1",
    "a clock set back by an hour": "a0@60 a1@60 a2 a3 b0 b1",
    "a clock that was ahead before a reboot": "a0@3 b0 b1 b2 b3 b4",
}  # fmt: skip


@pytest.mark.parametrize("words", CLONES.values(), ids=CLONES)
def test_two_devices_with_one_key_are_one_incident_and_no_hold(device: Device, words: str) -> None:
    _timeline(device, words)
    [found] = incidents_of(device.world)
    assert (found.kind, found.key) == ("clone", "ut-1")
    device.world.clock.turn(minutes=1)
    assert device.say(device.word("boot-a", 99)).served
    assert len(incidents_of(device.world)) == 1


@pytest.mark.parametrize("words", HONEST.values(), ids=HONEST)
def test_an_honest_device_is_no_clone(device: Device, words: str) -> None:
    _timeline(device, words)
    assert incidents_of(device.world) == []
