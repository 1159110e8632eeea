"""Secrets of vendors' accounts: in a file for its owner alone, or in the environment; never printed."""

import os
import stat
from pathlib import Path
from typing import Final

from openleo.base.errors import BadInput
from openleo.fleet.durable import write_private
from openleo.fleet.register import VendorAccount

_MOST_BYTES: Final = 4_096


def write_secret(path: Path, secret: str) -> None:
    """Write a secret to a file of mode 600, whole or not at all; durable on return.  Raises BadInput."""
    try:
        write_private(path, f"{secret}\n".encode())
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}", "is the disk full?") from error


def read_secret(path: Path) -> str:
    """Return what a file holds, if it is its owner's alone; raises BadInput."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise BadInput(f"{path} can be read by others (mode {mode:03o})", f"chmod 600 {path}")
        with path.open(encoding="utf-8") as file:
            text = file.read(_MOST_BYTES).strip()
    except OSError as error:
        raise BadInput(f"the secret {path} cannot be read: {error.strerror}", "connect anew") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"the secret {path} is no text", "connect anew") from error
    if not text:
        raise BadInput(f"the secret {path} is empty", "connect anew")
    return text


def secret_of(account: VendorAccount) -> str:
    """Return an account's secret; raises BadInput."""
    if account.secret_file:
        return read_secret(Path(account.secret_file))
    found = os.environ.get(account.secret_env, "").strip()
    if not found:
        raise BadInput(
            f"the secret of account {account.name} is not in the environment",
            f"set {account.secret_env} where this runs, or connect anew with a file",
        )
    return found
