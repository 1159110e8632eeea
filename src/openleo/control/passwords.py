"""Passwords: argon2id, at RFC 9106's second recommended profile.

A password gives a session of 12 hours.  It can read, and do what takes no signature; what takes two people
takes their keys too, which no password stands for.
"""

from dataclasses import dataclass
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from openleo.base.errors import BadInput

LEAST_CHARACTERS = 12
MOST_BYTES = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a hash costs."""

    rounds: int
    memory_kib: int
    lanes: int


RFC_9106 = Profile(rounds=3, memory_kib=65_536, lanes=4)
CHEAP = Profile(rounds=1, memory_kib=8, lanes=1)  # for tests alone: set `profile` to it
profile = RFC_9106


def hash_password(password: str) -> str:
    """Return the hash of a new password; raises BadInput where it is too short or too long."""
    if len(password) < LEAST_CHARACTERS:
        raise BadInput(
            f"the password has {len(password)} characters, and {LEAST_CHARACTERS} are the fewest",
            "take some words that nobody would put together",
        )
    if len(password.encode()) > MOST_BYTES:
        raise BadInput(f"the password has more than {MOST_BYTES} bytes", "take a shorter one")
    return _hasher(profile).hash(password)


def is_password(password: str, hashed: str | None) -> bool:
    """Tell whether a password is the hashed one; takes as long where there is no hash."""
    given = password.encode("utf-8", "replace")
    try:
        _hasher(profile).verify(hashed or _nobodys(profile), given[:MOST_BYTES])
    except (VerificationError, InvalidHashError):
        return False
    return hashed is not None and len(given) <= MOST_BYTES


@lru_cache
def _hasher(cost: Profile) -> PasswordHasher:
    return PasswordHasher(time_cost=cost.rounds, memory_cost=cost.memory_kib, parallelism=cost.lanes)


@lru_cache
def _nobodys(cost: Profile) -> str:
    """Return a hash to spend time on where there is none."""
    return _hasher(cost).hash("the password of nobody")
