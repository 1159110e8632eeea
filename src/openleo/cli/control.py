"""`openleo control`: making a control plane, and keeping its store."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput, Refused
from openleo.cli._control import Where, control_folder, control_options, show
from openleo.cli._deciding import reason_option
from openleo.cli._group import Group
from openleo.cli._people import store_key
from openleo.cli._text import counted

if TYPE_CHECKING:
    from openleo.control.plane import Actor, Plane

_FILE = click.Path(path_type=Path)
_PORT = 8350
_CODES = click.Choice(["guard-missing", "log-rolled-back", "log-forked", "guard-corrupt"])


@click.group("control", cls=Group)
def command() -> None:
    """Make a control plane, and back it up, check, restore and serve it."""


@command.command("init")
@click.argument("network")
@click.option(
    "--kind",
    type=click.Choice(["simulated", "advisory", "enforced"]),
    required=True,
    help="What a decision does: nothing outside a scenario, a word to a vendor, or service itself.",
)
@click.option(
    "--owner",
    "owners",
    multiple=True,
    required=True,
    metavar="NAME[=HUMAN]",
    help="An owner, and the human behind the name; two humans at least.",
)
@click.option(
    "--origin", metavar="NAME", help="The log's name in its checkpoints (default: openleo/NETWORK)."
)
@click.option(
    "--seal", is_flag=True, help="Encrypt the store, under a passphrase or --key-file (made if absent)."
)
@click.option(
    "--deny-by-default", is_flag=True, help="Serve nobody without a decision: enforced networks never do."
)
@click.option("--guard", type=_FILE, metavar="FILE", help="Where the guard lies, best on another disk.")
@click.option(
    "--credentials",
    type=_FILE,
    metavar="DIR",
    default=".",
    help="Where the owners' credentials are written (default: here).",
)
@control_options
def init(
    where: Where, *, network: str, kind: str, owners: tuple[str, ...], origin: str | None, seal: bool,
    deny_by_default: bool, guard: Path | None, credentials: Path,
) -> None:  # fmt: skip
    """Make a control plane: its store, its log and the people who own it."""
    from openleo.control.areas import check_name
    from openleo.control.founding import found_network
    from openleo.control.network import Network, NetworkKind
    from openleo.control.plane import Plane
    from openleo.control.store import DATABASE

    folder = control_folder(where.data)
    named = Network(
        name=check_name("a network", network),
        kind=NetworkKind(kind),
        origin=origin or f"openleo/{network}",
        default_deny=deny_by_default,
    )
    if (folder / DATABASE).exists():
        raise Refused(f"{folder} holds a control database already", "name another folder with --data")
    people = _owners(owners)
    files = {name: credentials / f"{name}.credential" for name in people}
    for path in files.values():
        if path.exists():
            raise BadInput(f"{path} is there already", "name another folder with --credentials")
    credentials.mkdir(parents=True, exist_ok=True)
    key = _new_key(folder, where.key_file) if seal else None
    try:
        made = found_network(folder, named, people, key=key, guard=guard)
    except BaseException:
        if key is not None and not (folder / DATABASE).exists():
            (folder / "keyslot.json").unlink()
        raise
    for name, credential in made.items():
        credential.write(files[name])
    with Plane.open(folder, key=key) as plane:
        vkey = plane.store.vkey.text()
    value = {"network": network, "kind": kind, "origin": named.origin, "folder": str(folder), "sealed": seal,
             "log_key": vkey, "credentials": {name: str(path) for name, path in files.items()}}  # fmt: skip
    show(where, value, _founded(value, two=len(set(people.values())) == 2))


def _owners(given: tuple[str, ...]) -> dict[str, str]:
    people: dict[str, str] = {}
    for one in given:
        name, _, human = one.partition("=")
        if name in people:
            raise BadInput(f"--owner {name} is given twice", "each owner has a name of their own")
        people[name] = human or name
    return people


def _new_key(folder: Path, key_file: Path | None) -> bytes:
    """Make the key of a store that is to be sealed, under a file (made if absent) or a passphrase."""
    from openleo.control.sealing import Secret, make_key_file, new_slot, read_secret

    if key_file is not None:
        secret = read_secret(key_file) if key_file.exists() else make_key_file(key_file)
    else:
        typed = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
        secret = Secret.passphrase(str(typed))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return new_slot(folder, secret)


def _founded(value: dict[str, Any], *, two: bool) -> list[str]:
    lines = [
        f"network {value['network']} ({value['kind']}) is founded in {value['folder']}"
        + (", sealed" if value["sealed"] else ""),
        "",
        "the log's public key, by which others verify it; publish it:",
        f"  {value['log_key']}",
        "",
        "credentials, one for each owner alone; move them off this machine:",
        *(f"  {path}" for path in value["credentials"].values()),
        "",
        "each owner first makes a key that nobody else has had: openleo person key --new FILE --as ...",
        f"next: openleo area define NAME --as {next(iter(value['credentials'].values()))}",
    ]
    if two:
        lines.append("two owners cannot replace a key that one of them loses: make a third soon")
    return lines


@command.command("backup")
@click.argument("file", type=_FILE)
@click.option(
    "--without-keyslot",
    is_flag=True,
    help="Leave the key slot of a sealed store out: keep one elsewhere, or it opens nothing.",
)
@control_options
def backup(where: Where, file: Path, without_keyslot: bool) -> None:
    """Write a consistent backup to a new file, also while the store is in use."""
    from openleo.control.backup import back_up
    from openleo.control.plane import utc_now

    with where.desk() as desk:
        desk.read(lambda tx: tx.require("store.manage"))
        made = back_up(desk.plane.store, file, at=utc_now(), keyslot=not without_keyslot)
    sealed = "sealed, as the store is" if made.sealed else "NOT sealed: whoever has it reads all of it"
    show(where, made, [f"{file}: {counted(made.entries, 'entry')}, {sealed}"])


@command.command("restore")
@click.argument("file", type=_FILE)
@click.option("--guard", type=_FILE, metavar="FILE", help="Where the guard lies, if elsewhere.")
@click.option("--accept", multiple=True, type=_CODES, help="Overrule the guard, knowing why; it is recorded.")
@click.option(
    "--rehearse", is_flag=True, help="Restore what can be read and checked, and decides nothing; no guard."
)
@control_options
def restore(
    where: Where, file: Path, guard: Path | None, accept: tuple[str, ...], rehearse: bool
) -> None:  # fmt: skip
    """Put a backup's store where there is none."""
    from openleo.control.backup import restore as restore_

    folder = control_folder(where.data)
    done = restore_(
        file, folder, who=_who(where), key=lambda slot: store_key(slot, where.key_file), accept=accept,
        guard=guard, rehearse=rehearse,
    )  # fmt: skip
    if rehearse:
        show(where, done, [
            f"network {done.network} is restored in {folder} for a rehearsal: it can be read, and decides "
            "nothing",
            "next: openleo control check with the same --data; when done, openleo purge with it",
        ])  # fmt: skip
        return
    lines = [f"network {done.network} is restored in {folder}; next: openleo control check"]
    if "log-rolled-back" in accept:
        lines.append(
            "it is older than what was signed for: people, tokens and areas are as they were then, and "
            "whoever holds a later checkpoint can show that this log was rolled back"
        )
    show(where, done, lines)


def _who(where: Where) -> "Callable[[Plane], Actor]":
    """Return how a store, once it is open, says who has the credential."""
    from openleo.control.credential import Credential

    if where.as_ is None:
        raise BadInput("it is not said who you are", "name your credential: --as amina.credential")
    token = Credential.read(where.as_).token
    return lambda plane: plane.authenticate(token)


@command.command("accept")
@click.argument("code", type=_CODES)
@click.option("--guard", type=_FILE, metavar="FILE", help="Where the guard is to lie from now on.")
@reason_option("Why it is so, for the record.")
@control_options
def accept_(where: Where, code: str, guard: Path | None, reason: str) -> None:
    """Open a store that its guard refuses, knowing why; it is recorded.

    The old guard is set aside. CODE is what the refusal says; nothing else is overruled.
    """
    from openleo.control.overruling import accept_guard

    folder = control_folder(where.data)
    entry = accept_guard(
        folder, code, reason=reason, who=_who(where), key=store_key(folder, where.key_file), guard=guard
    )
    show(where, {"accepted": code, "entry": entry},
         [f"{code} is accepted (entry {entry}); next: openleo control check"])  # fmt: skip


@command.command("check")
@control_options
def check(where: Where) -> None:
    """Check that nothing in the store changed but by a decision."""
    from openleo.control.fsck import check_store
    from openleo.control.store import Store

    folder = control_folder(where.data)
    store = Store.open(folder, key=store_key(folder, where.key_file))
    try:
        found = check_store(store)
    finally:
        store.close()
    lines = [f"checked: {', '.join(f'{n:,} {what}' for what, n in sorted(found.checked.items()))}"]
    lines += [f"wrong: {one.file}: {one.reason}" for one in found.failures]
    lines += [f"not checked: {what}" for what in found.unchecked]
    lines += ["this store is a rehearsal: it decides nothing"] if store.rehearsal else []
    value = {"ok": not found.failures, "checked": found.checked, "failures": found.failures,
             "unchecked": found.unchecked}  # fmt: skip
    show(where, value, lines if found.failures else [*lines, "all is as it was decided"])
    if found.failures:
        number = counted(len(found.failures), "thing")
        raise Refused(f"{number} in the store {'is' if len(found.failures) == 1 else 'are'} not as decided",
                      "find out who can write to its disk, then restore a backup")  # fmt: skip


@command.command("upgrade")
@control_options
def upgrade(where: Where) -> None:
    """Bring the store to this openleo's version."""
    from openleo.control.store import DATABASE, SCHEMA, Store

    folder = control_folder(where.data)
    if not (folder / DATABASE).is_file():
        raise BadInput(f"there is no control database in {folder}", "name its folder with --data")
    Store.upgrade(folder, key=store_key(folder, where.key_file))
    show(where, {"version": SCHEMA}, [f"the store in {folder} is of version {SCHEMA}"])


@command.command("passphrase")
@click.option(
    "--new-key-file", type=_FILE, metavar="FILE", help="A key file instead of a passphrase (made if absent)."
)
@control_options
def passphrase(where: Where, new_key_file: Path | None) -> None:
    """Change what opens a sealed store."""
    from openleo.control.sealing import (
        PASSPHRASE,
        Secret,
        change_secret,
        is_sealed,
        make_key_file,
        open_slot,
        read_secret,
    )

    folder = control_folder(where.data)
    if not is_sealed(folder):
        raise BadInput(f"the store in {folder} is not sealed", "a store is sealed when it is made: --seal")
    if where.key_file is not None:
        old = read_secret(where.key_file)
    else:
        typed = click.prompt("Present passphrase", hide_input=True, err=True)
        old = Secret(kind=PASSPHRASE, value=str(typed).encode())
    open_slot(folder, old)
    if new_key_file is not None:
        new = read_secret(new_key_file) if new_key_file.exists() else make_key_file(new_key_file)
    else:
        typed = click.prompt("New passphrase", hide_input=True, confirmation_prompt=True, err=True)
        new = Secret.passphrase(str(typed))
    change_secret(folder, old, new)
    show(
        where,
        {"changed": True},
        ["changed; who kept a copy of the old key slot, and what opened it, can still open the store"],
    )


@command.command("erase")
@click.argument("index", type=int)
@click.option(
    "--field",
    "fields",
    multiple=True,
    required=True,
    metavar="NAME",
    help="What to erase, such as reason; the whole record goes with it.",
)
@reason_option("Why, for the record.")
@control_options
def erase(where: Where, index: int, fields: tuple[str, ...], reason: str) -> None:
    """Erase fields of a log entry for good; proofs still hold."""
    from openleo.control.erasing import erase as erase_

    with where.desk() as desk:
        done = desk.act(lambda tx: erase_(tx, index, fields, reason=reason))
        desk.plane.store.settle()
    lines = [
        f"erased of entry {index}: {', '.join(done.fields)} (entry {done.log_index}); backups still hold it"
    ]
    if done.repeated_in:
        named = ", ".join(map(str, done.repeated_in))
        lines.append(f"the same text stands in entries {named}: erase it there too, if it is to be gone")
    show(where, done, lines)


@command.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=_PORT, show_default=True, type=click.IntRange(1, 65_535), help="The port.")
@control_options
def serve(where: Where, host: str, port: int) -> None:
    """Serve the control plane's API."""
    from openleo.api.server import make_server
    from openleo.control.plane import Plane

    folder = control_folder(where.data)
    with Plane.open(folder, key=store_key(folder, where.key_file), grouped=True) as plane:
        click.echo(f"serving {plane.network.name} on http://{host}:{port}/openapi.json", err=True)
        make_server(plane, host=host, port=port).run()
        if plane.broken:
            raise BadInput(
                "storage failed, so nothing more is decided",
                "look at the disk, then start again: what was acknowledged is kept",
            )
