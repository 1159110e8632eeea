"""A sealed store tells nothing without its slot, and its slot nothing without its passphrase."""

import json
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from control_world import Clock

from openleo.base.errors import BadInput, OpenleoError
from openleo.control import accounts, people, sealing
from openleo.control.areas import NewArea, define_area
from openleo.control.backup import back_up
from openleo.control.founding import found_network
from openleo.control.network import Network, NetworkKind
from openleo.control.plane import SYSTEM, Plane
from openleo.control.sealing import Secret, WrongKey
from openleo.ground.packed_cells import pack_cells

WORDS = Secret.passphrase("six words that nobody put together")
CELL = 0x85283473FFFFFFF


def sealed(folder: Path, secret: Secret = WORDS) -> bytes:
    folder.mkdir(parents=True)
    key = sealing.new_slot(folder, secret)
    network = Network(name="kivu", kind=NetworkKind.ENFORCED, origin="openleo.test/log")
    found_network(folder, network, {"amina": "amina", "jonas": "jonas"}, key=key, clock=Clock())
    return key


def test_nothing_that_was_written_can_be_read_in_any_file(tmp_path: Path) -> None:
    folder = tmp_path / "control"
    key = sealed(folder)
    cells = np.array([CELL], np.uint64)
    with Plane.open(folder, key=key, clock=Clock()) as plane:
        amina = plane.authenticate(_token(plane))
        plane.act(amina, lambda tx: people.add_person(tx, "valentyna"))
        plane.act(amina, lambda tx: accounts.add_account(tx, "red-crescent", title="Red Crescent"))
        plane.act(amina, lambda tx: accounts.end(tx, "red-crescent", "disabled", reason="a secret quarrel"))
        plane.act(
            amina, lambda tx: define_area(tx, NewArea(id="zaporizhzhia", cells=cells), reason="a flood")
        )
        back_up(plane.store, tmp_path / "b.tar", at=Clock()())
        secrets = [
            b"valentyna", b"red-crescent", b"Red Crescent", b"quarrel", b"zaporizhzhia", b"a flood", b"amina",
            pack_cells(cells).encode(), CELL.to_bytes(8, "little"), CELL.to_bytes(8, "big"), b"CREATE TABLE",
            b"SQLite format 3", key, b64encode(key), key.hex().encode(), plane.store._signer.secret,
        ]  # fmt: skip
        files = [*folder.iterdir(), tmp_path / "b.tar"]
        assert {f.name for f in files} >= {"control.db", "control.db-wal", "control.db-shm", "guard", "b.tar"}
        for file in files:
            content = file.read_bytes()
            found = [secret for secret in secrets if secret in content]
            assert found == [], file.name


def _token(plane: Plane) -> str:
    return plane.act(SYSTEM, lambda tx: people._insert_token(tx, "amina", "", None).token)


def test_a_plain_store_would_fail_that_test(tmp_path: Path) -> None:
    network = Network(name="kivu", kind=NetworkKind.ENFORCED, origin="openleo.test/log")
    found_network(tmp_path / "c", network, {"amina": "amina", "jonas": "jonas"}, clock=Clock())
    assert any(b"amina" in f.read_bytes() for f in (tmp_path / "c").iterdir())


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        (Secret.passphrase("six words that nobody put togethes"), "passphrase does not open"),
        (Secret(kind=sealing.PASSPHRASE, value=b""), "passphrase does not open"),
        (Secret(kind=sealing.KEY_FILE, value=WORDS.value), "sealed with a passphrase, and a key file"),
    ],
)
def test_what_does_not_open_it_says_so(tmp_path: Path, secret: Secret, says: str) -> None:
    sealing.new_slot(tmp_path, WORDS)
    with pytest.raises(WrongKey, match=says) as caught:
        sealing.open_slot(tmp_path, secret)
    assert caught.value.hint


def test_without_a_key_or_with_another_the_store_does_not_open(tmp_path: Path) -> None:
    sealed(tmp_path / "control")
    with pytest.raises(BadInput, match="is sealed"):
        Plane.open(tmp_path / "control")
    with pytest.raises(BadInput, match="the key does not fit"):
        Plane.open(tmp_path / "control", key=b"\0" * 32)


def test_a_key_file_opens_it_and_is_made_once(tmp_path: Path) -> None:
    secret = sealing.make_key_file(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    key = sealing.new_slot(tmp_path, secret)
    assert sealing.read_key(tmp_path, tmp_path / "key") == key
    with pytest.raises(BadInput):
        sealing.make_key_file(tmp_path / "key")
    (tmp_path / "key").write_text("openleo-key/v1\nAAAA\n")
    with pytest.raises(BadInput, match="damaged"):
        sealing.read_key(tmp_path, tmp_path / "key")


def test_a_file_may_hold_the_passphrase(tmp_path: Path) -> None:
    key = sealing.new_slot(tmp_path, WORDS)
    (tmp_path / "words").write_bytes(WORDS.value + b"\n")
    assert sealing.read_key(tmp_path, tmp_path / "words") == key


def test_a_new_passphrase_opens_the_same_store_and_the_old_one_no_more(tmp_path: Path) -> None:
    key = sealing.new_slot(tmp_path, WORDS)
    old_slot = (tmp_path / sealing.KEYSLOT).read_bytes()
    new = Secret.passphrase("other words that nobody put together")
    sealing.change_secret(tmp_path, WORDS, new)
    assert sealing.open_slot(tmp_path, new) == key
    with pytest.raises(WrongKey):
        sealing.open_slot(tmp_path, WORDS)
    with pytest.raises(WrongKey):
        sealing.change_secret(tmp_path, WORDS, new)
    assert (tmp_path / sealing.KEYSLOT).read_bytes() != old_slot


@pytest.mark.parametrize(
    "field", ["kind", "salt", "rounds", "memory_kib", "lanes", "nonce", "wrapped", "format"]
)
def test_a_slot_that_was_changed_opens_nothing(tmp_path: Path, field: str) -> None:
    key = sealing.new_slot(tmp_path, WORDS)
    path = tmp_path / sealing.KEYSLOT
    slot = json.loads(path.read_text())
    for value in (None, 16, "AAAA", "key-file", {}):
        path.write_text(json.dumps({**slot, field: value}))
        with pytest.raises(OpenleoError):
            sealing.open_slot(tmp_path, WORDS)
    path.write_text(json.dumps({k: v for k, v in slot.items() if k != field}))
    with pytest.raises(OpenleoError):
        sealing.open_slot(tmp_path, WORDS)
    path.write_text(json.dumps(slot))
    assert sealing.open_slot(tmp_path, WORDS) == key


def test_short_passphrases_are_refused() -> None:
    with pytest.raises(BadInput):
        Secret.passphrase("eleven char")
