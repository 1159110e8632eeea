"""What an agent is: its key, made where it runs and never sent, whom it tells, and which dishes it watches.

DATA/agent holds key (mode 600), agent.json and ring.db.  Nothing here imports numpy or the control plane.
"""

import hashlib
import json
import stat
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from openleo.base.errors import BadInput, Refused
from openleo.fleet.durable import write_private
from openleo.fleet.register import DishEntry
from openleo.fleet.web import Answer, Server, send_json

KEY, SETTINGS = "key", "agent.json"
# Where agents enrol: with the fleet's ingest, or with a control plane, whose operators accept the key.
ENROL_PATHS: Final = ("/v1/telemetry/enrol", "/v1/enrolments")
_LOOK_ALIKES: Final = str.maketrans("oil", "011")


class NotEnrolled(BadInput):
    """There is no agent in this folder yet."""

    code = "not-enrolled"


class CodeRefused(Refused):
    """The server does not take the code."""

    code = "code-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Whom an agent tells, as whom, of which dishes."""

    device: str
    server: str
    ca_file: str = ""
    dishes: tuple[DishEntry, ...] = ()

    def to_server(self, *, timeout_s: float = 30.0) -> Server:
        """Return the server."""
        return Server(self.server, self.ca_file, timeout_s)


def code_letters(code: str) -> str:
    """Return the letters of a code as people type it: any case, blanks, dashes, and look-alikes."""
    plain = "".join(c for c in code.lower() if not (c.isspace() or c == "-"))
    return plain.translate(_LOOK_ALIKES)


def to_prove(code: str, public_key: str) -> bytes:
    """Return what a device signs with its new key when it enrols: the same bytes as in control.enrolment."""
    return f"openleo/enrol/v1\n{code_letters(code)}\n{public_key}\n".encode()


def own_key(folder: Path, *, make: bool = False) -> Ed25519PrivateKey:
    """Return the agent's key; ``make`` makes it where there is none.  Raises BadInput and NotEnrolled."""
    path = folder / KEY
    if make and not path.exists():
        seed = b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode() + "\n"
        _write(path, seed)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_bytes()
    except FileNotFoundError:
        raise _not_enrolled(folder) from None
    except OSError as error:
        raise BadInput(f"the key {path} cannot be read: {error.strerror}", "whose is it?") from error
    if mode & 0o077:
        raise BadInput(f"the key {path} can be read by others (mode {mode:03o})", f"chmod 600 {path}")
    try:
        return Ed25519PrivateKey.from_private_bytes(b64decode(text.strip(), validate=True))
    except (ValueError, Error) as error:
        raise BadInput(
            f"the key {path} is damaged", "set it aside and enrol anew, with a new code: the old key is lost"
        ) from error


def public_key(key: Ed25519PrivateKey) -> str:
    """Return the public half of a key, base64."""
    return b64encode(key.public_key().public_bytes_raw()).decode()


def read_settings(folder: Path) -> Settings:
    """Return the settings of the agent in a folder; raises NotEnrolled and BadInput."""
    path = folder / SETTINGS
    try:
        found = json.loads(path.read_bytes())
        dishes = tuple(DishEntry(**dish) for dish in found["dishes"])
        return Settings(
            device=str(found["device"]), server=str(found["server"]), ca_file=str(found["ca_file"]),
            dishes=dishes,
        )  # fmt: skip
    except FileNotFoundError:
        raise _not_enrolled(folder) from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", "whose is it?") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is damaged", "enrol anew: openleo agent enrol CODE --server URL") from error


def write_settings(folder: Path, settings: Settings) -> None:
    """Write them; whole, and durable on return.  Raises BadInput."""
    dishes = [{"address": d.address, "source": d.source, "name": d.name} for d in settings.dishes]
    plain = {
        "device": settings.device,
        "server": settings.server,
        "ca_file": settings.ca_file,
        "dishes": dishes,
    }
    _write(folder / SETTINGS, json.dumps(plain, indent=2) + "\n")


def enrol(
    folder: Path, code: str, server: Server, dishes: Sequence[DishEntry], *, telemetry: Server | None = None
) -> tuple[Settings, bool]:
    """Offer this agent's key under a code; return its settings, and whether an operator must accept it first.

    What it tells goes to ``telemetry``, where that is not the server with which it enrols.
    Raises CodeRefused, BadInput and WebError.  To try again with the same code does no harm.
    """
    server.parts()
    told = telemetry or server
    told.parts()
    if len(code_letters(code)) < 20:
        raise BadInput(f"{code!r} is too short to be a code", "give all of it, such as 3f9k-7x2m-...")
    key = own_key(folder, make=True)
    offered = public_key(key)
    proof = b64encode(key.sign(to_prove(code, offered))).decode()
    body = {"code": code_letters(code), "public_key": offered, "proof": proof}
    # The same code and key are the same request, however often it is sent.
    once = hashlib.sha256(to_prove(code, offered)).hexdigest()
    for path in ENROL_PATHS:
        answer = send_json(server, path, body, {"Idempotency-Key": once})
        if answer.status not in (404, 405):
            break
    if not answer.is_ok:
        raise _code_refused(server, answer, by_control=path == ENROL_PATHS[1])
    found: Any = answer.json()
    names = [found.get(key) for key in ("device", "terminal")] if isinstance(found, dict) else []
    name = next((str(n) for n in names if n), "")
    if not name:
        raise BadInput(f"{server.url} answers without a name for this agent", "is this an openleo server?")
    settings = Settings(device=name, server=told.url, ca_file=told.ca_file, dishes=tuple(dishes))
    write_settings(folder, settings)
    return settings, path == ENROL_PATHS[1]


def _code_refused(server: Server, answer: Answer, *, by_control: bool) -> Exception:
    if answer.status in (404, 405):
        return BadInput(f"{server.url} takes no agents", "name the server that `openleo ingest` runs on")
    if answer.status == 409:
        return CodeRefused(
            f"{server.url} knows this machine's key as an agent's already",
            "see which: openleo agent status; another agent has a folder of its own: --data DIR",
        )
    if by_control and answer.status == 403:  # it knows codes of its own alone, so this may be a good one
        return CodeRefused(
            f"{server.url} is no ingest, and as a control plane it does not know the code",
            "a code of `openleo fleet agent add`: name the server that `openleo ingest` runs on;"
            " a terminal's: have a new one made",
        )
    return CodeRefused(f"{server.url} does not take the code ({answer.said()})", "have a new one made")


def _not_enrolled(folder: Path) -> NotEnrolled:
    return NotEnrolled(f"there is no agent in {folder}", "enrol it: openleo agent enrol CODE --server URL")


def _write(path: Path, text: str) -> None:
    """Write a file of mode 600 in the place of what is there, whole or not at all; durable on return."""
    try:
        write_private(path, text.encode())
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}", "is the disk full?") from error
