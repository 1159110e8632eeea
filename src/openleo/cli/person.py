"""`openleo person`: people, their keys, tokens, passwords and roles."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput
from openleo.cli._control import Desk, Where, control_options, show, table
from openleo.cli._deciding import at, reason_option
from openleo.cli._durations import Duration
from openleo.cli._group import Group
from openleo.cli._people import pair_of, second_option

if TYPE_CHECKING:
    from openleo.control.plane import Tx

_FILE = click.Path(path_type=Path)


@click.group("person", cls=Group)
def command() -> None:
    """Add people, and give them keys, tokens and roles."""


@command.command("add")
@click.argument("name")
@click.option("--human", metavar="NAME", help="The human behind the name, where that is another name.")
@click.option(
    "--credential", type=_FILE, metavar="FILE", help="Where to write it (default: NAME.credential)."
)
@reason_option("Why, for the record.", required=False)
@control_options
def add(where: Where, name: str, human: str | None, credential: Path | None, reason: str) -> None:
    """Add a person, who may do nothing yet, and write their credential."""
    from openleo.control.credential import Credential
    from openleo.control.keys import new_seed, public_of
    from openleo.control.people import add_person, make_token

    path = credential or Path(f"{name}.credential")
    if path.exists():
        raise BadInput(f"{path} is there already", "name another with --credential")
    seed = new_seed()

    def verb(tx: "Tx") -> None:
        add_person(tx, name, human=human, public_key=public_of(seed), reason=reason)
        made = make_token(tx, name, label="credential")
        Credential(person=name, network=tx.network.origin, token=made.token, seed=seed).write(path)

    with where.desk() as desk:
        _undoing(path, desk, verb)
    show(
        where,
        {"person": name, "human": human or name, "credential": str(path)},
        [
            f"{name} is added; their credential is {path}: give it to them alone, and keep no copy",
            f"they first make a key that nobody else has had: openleo person key --new FILE --as {path}",
            f"next: openleo person grant {name} ROLE",
        ],
    )


@command.command("list")
@control_options
def list_(where: Where) -> None:
    """List people and their roles."""
    from openleo.control.grants import grants_of
    from openleo.control.people import list_people

    def verb(tx: "Tx") -> list[dict[str, Any]]:
        return [{**_person(p), "roles": [_role(g) for g in grants_of(tx, p.id)]} for p in list_people(tx)]

    with where.desk() as desk:
        found = desk.read(verb)
    rows = [
        (p["person"], p["human"], "active" if p["active"] else "deactivated", ", ".join(p["roles"]) or "-")
        for p in found
    ]
    show(where, found, table(["person", "human", "state", "roles"], rows, none="nobody is known"))


@command.command("show")
@click.argument("name", required=False)
@control_options
def show_(where: Where, name: str | None) -> None:
    """Show a person, their roles and tokens (default: yourself)."""
    from openleo.control.grants import grants_of
    from openleo.control.people import find_person, list_tokens

    with where.desk() as desk:
        who = name or desk.actor.id
        held = desk.read(lambda tx: grants_of(tx, who))
        kept = desk.read(lambda tx: list_tokens(tx, who))
        person = _person(desk.read(lambda tx: find_person(tx.conn, who)))
    grants = [{"grant": g.id, "role": g.role, "area": g.area_id, "granted_by": g.granted_by,
               "approved_by": g.approved_by} for g in held]  # fmt: skip
    tokens = [{"token": t.id, "label": t.label, "made_at": at(t.made_at), "expires_at": at(t.expires_at),
               "revoked_at": at(t.revoked_at)} for t in kept]  # fmt: skip
    lines = [
        f"{who}, the human {person['human']}{'' if person['active'] else ', deactivated'}",
        f"key: {person['public_key'] or 'none'}",
        "",
        *table(["grant", "role", "of", "given by"], [
            (g["grant"], g["role"], g["area"] or "the whole network",
             " and ".join(filter(None, (g["granted_by"], g["approved_by"]))) or "the founding")
            for g in grants], none="no roles"),
        "",
        *table(["token", "label", "made", "expires", "revoked"], [tuple(t.values()) for t in tokens],
               none="no tokens"),
    ]  # fmt: skip
    show(where, {**person, "grants": grants, "tokens": tokens}, lines)


@command.command("token")
@click.argument("name", required=False)
@click.option("--label", default="", metavar="TEXT", help="What it is for.")
@click.option(
    "--expires", type=Duration(), help="How long it is good for, such as 30d (default: until revoked)."
)
@click.option("--revoke", metavar="TOKEN", help="Revoke this one instead, at once.")
@second_option
@control_options
def token(
    where: Where, *, name: str | None, label: str, expires: timedelta | None, revoke: str | None,
    second: Path | None,
) -> None:  # fmt: skip
    """Make a token (default: for yourself), or revoke one."""
    from openleo.control.people import make_token, revoke_token, token_text

    with where.desk() as desk:
        if revoke is not None:
            desk.act(lambda tx: revoke_token(tx, revoke))
            show(where, {"revoked": revoke}, [f"token {revoke} is revoked"])
            return
        who = name or desk.actor.id
        pair = pair_of(desk, second, lambda tx: token_text(tx, who))
        made = desk.act(
            lambda tx: make_token(
                tx, who, label=label, expires_at=None if expires is None else tx.now + expires, pair=pair
            )
        )
    until = "until it is revoked" if made.expires_at is None else f"until {at(made.expires_at)}"
    value = {"token": made.token, "id": made.id, "person": who, "expires_at": at(made.expires_at) or None}
    show(where, value, [made.token, "", f"{made.id} of {who}, {until}; it is shown this once"])


@command.command("key")
@click.argument("name", required=False)
@click.option("--public", metavar="KEY", help="The public key, Ed25519 in base64.")
@click.option(
    "--new", "new", type=_FILE, metavar="FILE", help="Make a key, and write your credential with it."
)
@second_option
@control_options
def key(where: Where, name: str | None, public: str | None, new: Path | None, second: Path | None) -> None:
    """Register or replace a key (default: your own, signed with the old one).

    Another's key, or one's own without the old one, takes two people.
    """
    from openleo.control.credential import Credential
    from openleo.control.keys import new_seed, public_of
    from openleo.control.people import key_text, set_key

    if (public is None) == (new is None):
        raise click.UsageError("give --new FILE for yourself, or --public KEY")
    with where.desk() as desk:
        who, own, seed = name or desk.actor.id, desk.credential, new_seed()
        if new is not None and who != desk.actor.id:
            raise BadInput(f"{who} makes their own key", "let them bring its public half: --public KEY")
        wanted = public or public_of(seed)
        pair = pair_of(desk, second, lambda tx: key_text(tx, who, wanted))

        def verb(tx: "Tx") -> int:
            old = own.sign("key", key_text(tx, who, wanted)) if who == tx.actor.id else None
            index = set_key(tx, who, wanted, old_signature=old, pair=pair)
            if new is not None:
                Credential(person=own.person, network=own.network, token=own.token, seed=seed).write(new)
            return index

        index = desk.act(verb) if new is None else _undoing(new, desk, verb)
    then = [] if new is None else [f"your credential is now {new}; destroy the old one"]
    show(where, {"person": who, "public_key": wanted, "entry": index},
         [f"the key of {who} is {wanted} (entry {index})", *then])  # fmt: skip


@command.command("password")
@click.argument("name", required=False)
@second_option
@control_options
def password(where: Where, name: str | None, second: Path | None) -> None:
    """Set a password to log in with (default: your own)."""
    from openleo.control.passwords import hash_password
    from openleo.control.people import set_password, token_text

    typed = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    hashed = hash_password(str(typed))
    with where.desk() as desk:
        who = name or desk.actor.id
        pair = pair_of(desk, second, lambda tx: token_text(tx, who, what="password"))
        desk.act(lambda tx: set_password(tx, who, hashed, pair=pair))
    show(where, {"person": who}, [f"the password of {who} is set; their sessions have ended"])


@command.command("deactivate")
@click.argument("name")
@reason_option("Why, for the record.")
@control_options
def deactivate_(where: Where, name: str, reason: str) -> None:
    """End what a person may do: tokens, password and roles, for good."""
    from openleo.control.people import deactivate

    with where.desk() as desk:
        desk.act(lambda tx: deactivate(tx, name, reason=reason))
    show(
        where,
        {"person": name, "active": False},
        [f"{name} is deactivated: no token, password or role is left"],
    )


@command.command("grant")
@click.argument("name")
@click.argument("role")
@click.option("--area", metavar="AREA", help="Over this area and all below it (default: the whole network).")
@reason_option("Why, for the record.", required=False)
@second_option
@control_options
def grant_(where: Where, *, name: str, role: str, area: str | None, reason: str, second: Path | None) -> None:
    """Give a person a role; one that decides takes two people."""
    from openleo.control.grants import grant, grant_text
    from openleo.control.people import find_person

    with where.desk() as desk:
        pair = pair_of(desk, second, lambda tx: grant_text(tx, name, role, area, reason=reason))
        made = desk.act(lambda tx: grant(tx, name, role, area, reason=reason, pair=pair))
        holds = desk.read(lambda tx: find_person(tx.conn, name).public_key)
    lines = [f"{name} is {role} of {area or 'the whole network'} (grant {made.id})"]
    show(
        where,
        made,
        lines
        if pair is None
        else [
            *lines,
            f"their key is {holds}; if that is not the one they showed you: openleo person revoke {made.id}",
        ],
    )


@command.command("revoke")
@click.argument("grant_id", metavar="GRANT")
@reason_option("Why, for the record.", required=False)
@control_options
def revoke_(where: Where, grant_id: str, reason: str) -> None:
    """Take a role back."""
    from openleo.control.grants import revoke

    with where.desk() as desk:
        gone = desk.act(lambda tx: revoke(tx, grant_id, reason=reason))
    there = gone.area_id or "the whole network"
    show(where, gone, [f"{gone.person_id} is no longer {gone.role} of {there}"])


def _undoing(path: Path, desk: Desk, verb: Any) -> Any:
    """Do something that writes a file; take the file back where it fails."""
    there = path.exists()
    try:
        return desk.act(verb)
    except BaseException:
        if not there:
            path.unlink(missing_ok=True)
        raise


def _person(row: Any) -> dict[str, Any]:
    return {"person": row.id, "human": row.human, "active": row.active, "public_key": row.public_key}


def _role(grant: Any) -> str:
    return str(grant.role) if grant.area_id is None else f"{grant.role} of {grant.area_id}"
