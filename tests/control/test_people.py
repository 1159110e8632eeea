"""People: keys, tokens, passwords, and what a deactivated one is left with."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from control_world import World
from keeping import area, give, join, pair

from openleo.base.errors import BadInput, OpenleoError, Refused
from openleo.control import grants, passwords, people, switching
from openleo.control.areas import Exists, NeedsTwo, NotFound
from openleo.control.authorize import Forbidden
from openleo.control.credential import Credential
from openleo.control.keys import BadSignature
from openleo.control.owners import LastOwners
from openleo.control.plane import NotKnown
from openleo.control.request import SelfApproval

WORDS = "correct horse battery staple"


def with_password(world: World, name: str, words: str = WORDS) -> None:
    world.act(name, lambda tx: people.set_password(tx, name, passwords.hash_password(words)))


def test_a_new_person_may_do_nothing(network: World) -> None:
    join(network, "kofi")
    with pytest.raises(Forbidden, match="kofi holds no role"):
        network.act("kofi", lambda tx: people.add_person(tx, "more"))


@pytest.mark.parametrize(
    ("name", "error"),
    [("amina", Exists), ("openleo", Exists), ("Not A Name", BadInput), ("", BadInput), ("a" * 65, BadInput)],
)
def test_names_that_cannot_be(network: World, name: str, error: type[OpenleoError]) -> None:
    with pytest.raises(error):
        network.act("amina", lambda tx: people.add_person(tx, name))


def test_a_token_opens_until_it_expires_or_is_revoked(network: World) -> None:
    join(network, "kofi")
    day = network.clock.now + timedelta(days=1)
    made = network.act("amina", lambda tx: people.make_token(tx, "kofi", label="cron", expires_at=day))
    other = network.act("kofi", lambda tx: people.make_token(tx, "kofi"))
    assert network.plane.authenticate(made.token).id == "kofi"
    network.clock.turn(hours=24)
    with pytest.raises(NotKnown):
        network.plane.authenticate(made.token)  # the first instant too late
    assert network.plane.authenticate(other.token).id == "kofi"
    network.act("kofi", lambda tx: people.revoke_token(tx, other.id))
    with pytest.raises(NotKnown):
        network.plane.authenticate(other.token)
    with pytest.raises(people.NotActive):
        network.act("kofi", lambda tx: people.revoke_token(tx, other.id))


def test_the_store_does_not_hold_what_opens_it(network: World) -> None:
    made = network.act("amina", lambda tx: people.make_token(tx, "amina"))
    with_password(network, "amina")
    network.plane.store.settle()
    content = b"".join(path.read_bytes() for path in network.folder.iterdir())
    assert made.token.encode() not in content
    assert WORDS.encode() not in content


def test_only_its_holder_and_who_may_write_people_revoke_a_token(network: World) -> None:
    join(network, "kofi")
    join(network, "mira")
    made = network.act("kofi", lambda tx: people.make_token(tx, "kofi"))
    with pytest.raises(Forbidden):
        network.act("mira", lambda tx: people.revoke_token(tx, made.id))
    with pytest.raises(Forbidden):  # nor does mira learn which tokens there are
        network.act("mira", lambda tx: people.revoke_token(tx, "t-nobody-1"))
    network.act("jonas", lambda tx: people.revoke_token(tx, made.id))


def test_a_token_for_someone_who_decides_takes_two(network: World) -> None:
    """Else one human could act as both halves of a pair."""
    join(network, "kofi")
    give(network, "kofi", "approver")
    with pytest.raises(NeedsTwo):
        network.act("amina", lambda tx: people.make_token(tx, "kofi"))
    both = pair(network, "amina", "jonas", lambda tx: people.token_text(tx, "kofi"))
    made = network.act("amina", lambda tx: people.make_token(tx, "kofi", pair=both))
    assert network.plane.authenticate(made.token).id == "kofi"
    with pytest.raises(BadSignature):  # a signature is good for once
        network.act("amina", lambda tx: people.make_token(tx, "kofi", pair=both))
    with pytest.raises(NeedsTwo):
        network.act("amina", lambda tx: people.set_password(tx, "kofi", passwords.hash_password(WORDS)))


def test_login_gives_a_session_of_half_a_day(network: World) -> None:
    with_password(network, "amina")
    session = people.login(network.plane, "amina", WORDS)
    assert session.expires_at == network.clock.now + timedelta(hours=12)
    assert network.plane.authenticate(session.token).human == "amina"
    network.clock.turn(hours=12)
    with pytest.raises(NotKnown):
        network.plane.authenticate(session.token)


def test_a_new_password_ends_sessions_but_not_tokens(network: World) -> None:
    with_password(network, "amina")
    session = people.login(network.plane, "amina", WORDS)
    with_password(network, "amina", "another long password")
    with pytest.raises(NotKnown):
        network.plane.authenticate(session.token)
    assert network.plane.authenticate(network.credentials["amina"].token).id == "amina"
    with pytest.raises(NotKnown):
        people.login(network.plane, "amina", WORDS)


@pytest.mark.parametrize("who", ["amina", "jonas", "nobody", "", "kofi", "x" * 5_000])
def test_a_failed_login_says_and_costs_the_same_whoever_is_named(
    network: World, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """amina: wrong password; jonas: none set; kofi: deactivated; the rest: unknown."""
    with_password(network, "amina")
    join(network, "kofi")
    with_password(network, "kofi")
    network.act("amina", lambda tx: people.deactivate(tx, "kofi", reason="left"))
    spent: list[str] = []
    hasher = passwords._hasher(passwords.CHEAP)

    class Counting:
        def verify(self, hashed: str, password: bytes) -> bool:
            spent.append(hashed.rpartition("$")[0].rpartition("$")[0])
            return hasher.verify(hashed, password)

        def hash(self, password: str) -> str:
            return hasher.hash(password)

    monkeypatch.setattr(passwords, "_hasher", lambda cost: Counting())
    with pytest.raises(NotKnown) as caught:
        people.login(network.plane, who, WORDS if who == "kofi" else "wrong, but long enough")
    assert str(caught.value) == "nobody is known by this name and password"
    assert spent == ["$argon2id$v=19$m=8,t=1,p=1"]  # one hash, of one cost


@pytest.mark.parametrize(("words", "good"), [("x" * 11, False), ("x" * 12, True), ("x" * 1_024, True),
                                             ("x" * 1_025, False), ("é" * 513, False)])  # fmt: skip
def test_lengths_of_passwords(words: str, good: bool) -> None:
    if good:
        assert passwords.is_password(words, passwords.hash_password(words))
        assert not passwords.is_password(words + "x", passwords.hash_password(words))
    else:
        with pytest.raises(BadInput):
            passwords.hash_password(words)


def test_one_replaces_ones_key_with_the_old_one(network: World) -> None:
    new, old = Credential.make("amina", "n"), network.credentials["amina"]
    text = network.read("amina", lambda tx: people.key_text(tx, "amina", new.public_key))
    network.act(
        "amina",
        lambda tx: people.set_key(tx, "amina", new.public_key, old_signature=old.sign("key", text)),
    )
    with pytest.raises(BadSignature):  # the old key signs nothing any more
        _make_owner(network)
    network.credentials["amina"] = new
    _make_owner(network)


def _make_owner(world: World) -> None:
    if "kofi" not in world.people:
        join(world, "kofi")
    give(world, "kofi", "owner")


@pytest.mark.parametrize(
    ("who", "error"),
    [
        ("amina", NeedsTwo),
        ("jonas", NeedsTwo),
        ("kofi", Forbidden),
    ],  # the holder with a stolen token; another
)
def test_nobody_replaces_a_key_alone_without_the_old_one(
    network: World, who: str, error: type[Refused]
) -> None:
    join(network, "kofi")
    new = Credential.make("amina", "n").public_key
    with pytest.raises(error):
        network.act(who, lambda tx: people.set_key(tx, "amina", new))
    with pytest.raises(error):
        network.act(who, lambda tx: people.set_key(tx, "amina", new, old_signature="AAAA"))


def test_two_people_replace_a_lost_key(network: World) -> None:
    join(network, "kofi")
    give(network, "kofi", "owner")
    new = Credential.make("amina", "n").public_key
    both = pair(network, "jonas", "kofi", lambda tx: people.key_text(tx, "amina", new))
    network.act("jonas", lambda tx: people.set_key(tx, "amina", new, pair=both))
    assert network.read("jonas", lambda tx: people.find_person(tx.conn, "amina").public_key) == new


def test_two_names_of_one_human_are_not_two_people(network: World) -> None:
    join(network, "kofi")
    give(network, "kofi", "owner")
    join(network, "jonas-2", human="jonas")
    give(network, "jonas-2", "owner", second="kofi")
    new = Credential.make("amina", "n").public_key
    both = pair(network, "jonas", "jonas-2", lambda tx: people.key_text(tx, "amina", new))
    with pytest.raises(SelfApproval, match="jonas-2 is the same human as jonas"):
        network.act("jonas", lambda tx: people.set_key(tx, "amina", new, pair=both))


def test_what_is_no_key_is_not_taken(network: World) -> None:
    for text in ("", "AAAA", "not base64!", "A" * 45):
        with pytest.raises(BadInput):
            network.act("amina", lambda tx, text=text: people.add_person(tx, "kofi", public_key=text))


def test_a_deactivated_person_is_left_with_nothing(network: World) -> None:
    made = join(network, "kofi")
    give(network, "kofi", "approver")
    token = network.act("kofi", lambda tx: people.make_token(tx, "kofi"))
    with_password(network, "kofi")
    session = people.login(network.plane, "kofi", WORDS)
    network.act("amina", lambda tx: people.deactivate(tx, "kofi", reason="left the country"))
    for opened in (token.token, session.token, made.token):
        with pytest.raises(NotKnown):
            network.plane.authenticate(opened)
    with pytest.raises(NotKnown):
        people.login(network.plane, "kofi", WORDS)
    with pytest.raises(Forbidden, match="kofi is not active"):
        network.read("kofi", lambda tx: tx.require("decide.approve"))
    verbs: list[Callable[..., object]] = [
        lambda tx: people.make_token(tx, "kofi"),
        lambda tx: people.deactivate(tx, "kofi", reason="again"),
        lambda tx: people.set_key(tx, "kofi", made.public_key),
    ]
    for verb in verbs:
        with pytest.raises(people.NotActive):
            network.act("amina", verb)


@pytest.mark.parametrize("gone", ["deactivated", "role taken back"])
def test_a_proposal_of_one_who_has_left_is_not_approved(network: World, gone: str) -> None:
    area(network, "north")
    join(network, "kofi")
    made = give(network, "kofi", "operator")
    asked = network.act("kofi", lambda tx: switching.ask(tx, "north", "on", reason="aid")).id
    text = network.read("kofi", lambda tx: switching.to_sign(tx, asked))
    kofi, jonas = (network.credentials[name] for name in ("kofi", "jonas"))
    network.act("kofi", lambda tx: switching.propose(tx, asked, signature=kofi.sign("propose", text)))
    if gone == "deactivated":
        network.act("amina", lambda tx: people.deactivate(tx, "kofi", reason="left"))
    else:
        network.act("amina", lambda tx: grants.revoke(tx, made))
    signature = jonas.sign("approve", text)
    with pytest.raises(Forbidden, match="kofi"):
        network.act("jonas", lambda tx: switching.approve(tx, asked, signature=signature))


def test_the_last_two_owners_stay(network: World) -> None:
    with pytest.raises(LastOwners, match="2 humans own this network"):
        network.act("amina", lambda tx: people.deactivate(tx, "jonas", reason="-"))
    join(network, "amina-2", human="amina")
    give(network, "amina-2", "owner")
    with pytest.raises(LastOwners):  # three names, two humans
        network.act("amina", lambda tx: people.deactivate(tx, "jonas", reason="-"))
    network.act("jonas", lambda tx: people.deactivate(tx, "amina", reason="-"))  # her other name stays


def test_who_is_not_there_is_told_with_the_nearest_names(network: World) -> None:
    with pytest.raises(NotFound, match="no person 'jonsa'") as caught:
        network.act("amina", lambda tx: people.deactivate(tx, "jonsa", reason="-"))
    assert caught.value.hint == "did you mean jonas?"
