"""Sealing: each page of the store is encrypted under a random key, which is wrapped in ``keyslot.json``.

What opens the slot is a passphrase (argon2id) or a key file; AES-256-GCM wraps the store's key under it, with
the slot's other fields authenticated.  Without the slot nothing opens the store, whatever is known: that is
what `openleo purge` destroys first.  Changing the passphrase wraps the same key anew; who kept an old slot
and its passphrase can still open the store.
"""

import json
import os
import secrets
from base64 import b64decode, b64encode
from binascii import Error
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argon2.exceptions import Argon2Error
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from openleo.base.errors import BadInput
from openleo.control import passwords
from openleo.control.canonical import canonical
from openleo.control.log.files import sync_folders, write_durably

KEYSLOT = "keyslot.json"
KEY_BYTES = 32
_FORMAT = "openleo-keyslot/v1"
_KEY_FIRST = "openleo-key/v1\n"
_MOST_MEMORY_KIB, _MOST_ROUNDS = 4 * 1024 * 1024, 100
PASSPHRASE, KEY_FILE = "passphrase", "key-file"


class WrongKey(BadInput):
    """The passphrase or key file does not open the store."""

    code = "wrong-key"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Secret:
    """What opens a slot."""

    kind: str  # PASSPHRASE or KEY_FILE
    value: bytes

    @classmethod
    def passphrase(cls, text: str) -> "Secret":
        """Return what a person types; raises BadInput where it is too short."""
        if len(text) < passwords.LEAST_CHARACTERS:
            raise BadInput(
                f"the passphrase has {len(text)} characters, and {passwords.LEAST_CHARACTERS} are the fewest",
                "take six words that nobody would put together",
            )
        return cls(kind=PASSPHRASE, value=text.encode())


def is_sealed(folder: Path) -> bool:
    """Tell whether a folder's store is sealed."""
    return (folder / KEYSLOT).is_file()


def make_key_file(path: Path) -> Secret:
    """Write a new key to a file that is not there yet, for its owner alone; raises BadInput."""
    value = secrets.token_bytes(KEY_BYTES)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadInput(f"{path} cannot be made: {error.strerror}", "name another file") from error
    with os.fdopen(file, "w") as out:
        out.write(_KEY_FIRST + b64encode(value).decode() + "\n")
        out.flush()
        os.fsync(out.fileno())
    return Secret(kind=KEY_FILE, value=value)


def read_secret(path: Path) -> Secret:
    """Return what a file holds: a key that `make_key_file` wrote, or else a passphrase in its first line."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"the key file {path} cannot be read: {error}", "name another with --key-file"
        ) from error
    if not text.startswith(_KEY_FIRST):
        return Secret(kind=PASSPHRASE, value=text.partition("\n")[0].encode())
    try:
        value = b64decode(text.removeprefix(_KEY_FIRST).strip(), validate=True)
    except Error:
        value = b""
    if len(value) != KEY_BYTES:
        raise BadInput(f"the key file {path} is damaged", "bring a copy of it")
    return Secret(kind=KEY_FILE, value=value)


def new_slot(folder: Path, secret: Secret) -> bytes:
    """Make a store's key and its slot in a folder that has none; return the key."""
    if is_sealed(folder):
        raise BadInput(f"{folder} has a key slot already", "name another folder with --data")
    key = secrets.token_bytes(KEY_BYTES)
    _write(folder, _wrap(key, secret))
    return key


def open_slot(folder: Path, secret: Secret) -> bytes:
    """Return the store's key; raises WrongKey, and BadInput where the slot is damaged."""
    path = folder / KEYSLOT
    slot = _read(path)
    if slot["kind"] != secret.kind:
        brought = "passphrase" if secret.kind == PASSPHRASE else "key file"
        raise WrongKey(f"the store is sealed with a {slot['kind']}, and a {brought} was brought", _hint(slot))
    try:
        wrapped, nonce = (b64decode(slot[n], validate=True) for n in ("wrapped", "nonce"))
        return AESGCM(_under(slot, secret)).decrypt(nonce, wrapped, _bound(slot))
    except InvalidTag:
        what = "passphrase" if secret.kind == PASSPHRASE else "key file"
        raise WrongKey(f"the {what} does not open the store in {folder}", _hint(slot)) from None
    except (KeyError, TypeError, ValueError, OverflowError, Error, Argon2Error) as error:
        raise _damaged(path, str(error)) from error


def slot_kind(folder: Path) -> str:
    """Return what opens a folder's store: PASSPHRASE or KEY_FILE."""
    return str(_read(folder / KEYSLOT)["kind"])


def change_secret(folder: Path, old: Secret, new: Secret) -> None:
    """Wrap the store's key under another passphrase or key file, and overwrite the old slot."""
    key = open_slot(folder, old)
    path = folder / KEYSLOT
    with path.open("r+b") as before:
        size = os.fstat(before.fileno()).st_size
        _write(folder, _wrap(key, new))
        before.write(secrets.token_bytes(size))
        before.flush()
        os.fsync(before.fileno())


def read_key(folder: Path, key_file: Path) -> bytes | None:
    """Return the key of a folder's store, which a file opens; None where the store is not sealed."""
    return open_slot(folder, read_secret(key_file)) if is_sealed(folder) else None


def _wrap(key: bytes, secret: Secret) -> dict[str, Any]:
    cost = passwords.profile
    slot: dict[str, Any] = {
        "format": _FORMAT, "kind": secret.kind, "salt": b64encode(secrets.token_bytes(16)).decode(),
        "rounds": cost.rounds, "memory_kib": cost.memory_kib, "lanes": cost.lanes,
        "nonce": b64encode(secrets.token_bytes(12)).decode(),
    }  # fmt: skip
    wrapped = AESGCM(_under(slot, secret)).encrypt(b64decode(slot["nonce"]), key, _bound(slot))
    return {**slot, "wrapped": b64encode(wrapped).decode()}


def _under(slot: dict[str, Any], secret: Secret) -> bytes:
    """Return the key that wraps the store's key: argon2id of what was brought."""
    if int(slot["memory_kib"]) > _MOST_MEMORY_KIB or int(slot["rounds"]) > _MOST_ROUNDS:
        raise ValueError("it asks for more work than any slot is made with")
    return hash_secret_raw(
        secret.value, b64decode(slot["salt"], validate=True), time_cost=int(slot["rounds"]),
        memory_cost=int(slot["memory_kib"]), parallelism=int(slot["lanes"]),
        hash_len=KEY_BYTES, type=Type.ID,
    )  # fmt: skip


def _bound(slot: dict[str, Any]) -> bytes:
    return canonical({name: value for name, value in slot.items() if name != "wrapped"})


def _write(folder: Path, slot: dict[str, Any]) -> None:
    temporary = folder / (KEYSLOT + ".part")
    write_durably(folder / KEYSLOT, json.dumps(slot, indent=2).encode() + b"\n", temporary=temporary)
    sync_folders([folder])


def _read(path: Path) -> dict[str, Any]:
    try:
        slot: dict[str, Any] = json.loads(path.read_bytes())
        if slot["format"] != _FORMAT or slot["kind"] not in (PASSPHRASE, KEY_FILE):
            raise ValueError("it is of a format that this openleo does not know")
    except FileNotFoundError:
        raise BadInput(
            f"there is no key slot {path}", "without it nothing opens the store: restore a backup"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, str(error)) from error
    return slot


def _damaged(path: Path, why: str) -> BadInput:
    return BadInput(f"the key slot {path} is damaged: {why}", "restore it from a backup")


def _hint(slot: dict[str, Any]) -> str:
    return (
        "bring the right one with --key-file" if slot["kind"] == KEY_FILE else "type it again, or --key-file"
    )
