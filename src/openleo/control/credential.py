"""A person's credential: the token that says who they are and the key that signs what they decide.

It is one file that its owner keeps (mode 600).  The store holds the token's hash and the public key alone.
"""

import hashlib
import json
import os
import secrets
from base64 import b64decode, b64encode
from binascii import Error
from dataclasses import dataclass
from pathlib import Path

from openleo.base.errors import BadInput
from openleo.control.keys import new_seed, public_of, sign

_PREFIX = "oleo_"


def new_token() -> str:
    """Return a token of 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return what the store keeps of a token: SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credential:
    """Who one is, as a file holds it."""

    person: str
    network: str
    token: str
    seed: bytes

    @classmethod
    def make(cls, person: str, network: str) -> "Credential":
        """Return a new one."""
        return cls(person=person, network=network, token=new_token(), seed=new_seed())

    @property
    def public_key(self) -> str:
        """The public half of the key, base64."""
        return public_of(self.seed)

    def sign(self, verb: str, proposal: str) -> str:
        """Sign a proposal as ``propose``, ``approve``, ``confirm`` or ``emergency``."""
        return sign(self.seed, f"{verb}\n{proposal}".encode())

    def write(self, path: Path) -> None:
        """Write it to a file that is not there yet, for its owner alone; raises BadInput."""
        content = json.dumps(
            {
                "person": self.person, "network": self.network, "token": self.token,
                "seed": b64encode(self.seed).decode(),
            },
            indent=2,
        )  # fmt: skip
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise BadInput(
                f"{path} is there already", "name another file: a credential is never overwritten"
            ) from None
        except OSError as error:
            raise BadInput(f"{path} cannot be written: {error.strerror}", "name another file") from error
        with os.fdopen(file, "w") as out:
            out.write(content + "\n")

    @classmethod
    def read(cls, path: Path) -> "Credential":
        """Read one from a file; raises BadInput."""
        try:
            found = json.loads(path.read_bytes())
            return cls(
                person=str(found["person"]), network=str(found["network"]), token=str(found["token"]),
                seed=b64decode(found["seed"], validate=True),
            )  # fmt: skip
        except FileNotFoundError:
            raise BadInput(
                f"there is no credential {path}", "name a file that `openleo person` made"
            ) from None
        except OSError as error:
            raise BadInput(
                f"{path} cannot be read: {error.strerror}", "name another file with --as"
            ) from error
        except (ValueError, KeyError, TypeError, Error) as error:
            raise BadInput(
                f"{path} is not a credential file (JSON that `openleo person add` or `openleo control init` "
                "wrote)",
                "name yours with --as, or set OPENLEO_AS to it",
            ) from error
