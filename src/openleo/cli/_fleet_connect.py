"""`openleo fleet connect`: reading a vendor's telemetry through a service account of one's own."""

import re
from pathlib import Path

import click

from openleo.base.errors import BadInput
from openleo.cli._fleet import At, fleet_options, show

_STEPS = """\
openleo reads your fleet's telemetry through a service account that is its own.

  1. Log in at starlink.com as an administrator of the account.
  2. Open Settings, then Service Accounts (Developer API), and make a NEW service account, called openleo.
     Do not share one that another program uses: the vendor sends each batch once per service account, so
     two readers would take each other's batches.
  3. Give it the right to VIEW telemetry (read only), and nothing else.
  4. Copy its client id and its secret; the secret is shown once.
"""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


@click.group("connect")
def connect() -> None:
    """Read a vendor's telemetry of your account's terminals."""


@connect.command("starlink")
@click.option("--name", default="starlink", show_default=True, help="What to call the account here.")
@click.option("--client-id", metavar="ID", help="The new service account's (default: asks).")
@click.option("--number", default="", metavar="ACC-...", help="The account's number, for people.")
@click.option("--secret-file", type=click.Path(path_type=Path), metavar="FILE",
              help="Where its secret is now; it is copied to the data (default: asks).")  # fmt: skip
@click.option(
    "--secret-env", metavar="VARIABLE", help="Keep no secret: take it from this variable each time."
)
@click.option("--url", metavar="URL", help="Another server of the same interface (default: the vendor's).")
@click.option("--no-check", is_flag=True, help="Do not ask for a token now, as where there is no network.")
@fleet_options
def starlink(
    at: At, *, name: str, client_id: str | None, number: str, secret_file: Path | None,
    secret_env: str | None, url: str | None, no_check: bool,
) -> None:  # fmt: skip
    """Connect a Starlink account, step by step; several may be connected, each by a --name.

    Without a terminal to ask at, give --client-id and --secret-file or --secret-env.
    """
    from openleo.fleet.register import VendorAccount
    from openleo.fleet.secrets_kept import read_secret, secret_of, write_secret
    from openleo.fleet.vendor import STARLINK, ask_token
    from openleo.fleet.web import Server

    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} cannot name an account", "letters, digits and . _ - are fine, up to 40")
    if secret_file is not None and secret_env is not None:
        raise click.UsageError("the secret is in a file or in the environment, not both")
    server = Server(url or STARLINK)
    server.parts()
    if client_id is None:
        click.echo(_STEPS, err=True)
        client_id = click.prompt("Client id", err=True)
    kept = at.folder / "secrets" / f"{name}.secret"
    account = VendorAccount(
        name=name, url=server.url, client_id=str(client_id).strip(), number=number,
        secret_file="" if secret_env else str(kept.absolute()), secret_env=secret_env or "",
    )  # fmt: skip
    if secret_env:
        secret = secret_of(account)
    elif secret_file is not None:
        secret = read_secret(secret_file)
    else:
        secret = str(click.prompt("Secret (not shown)", hide_input=True, err=True)).strip()
    life_s = None if no_check else ask_token(server, account.client_id, secret)[1]
    with at.register() as register:
        there = {one.name: one for one in register.accounts()}
        register.put_account(account)
    if not secret_env:
        write_secret(kept, secret)
    checked = "not checked" if life_s is None else f"it gave a token, good for {life_s / 60:.0f} min"
    where = f"the environment ({secret_env})" if secret_env else f"{kept} (mode 600)"
    lines = [
        f"account {name} is {'connected anew' if name in there else 'connected'}: {checked}",
        f"its secret is in {where}",
        "let no other program read with this service account: each batch is sent once",
        "next: openleo fleet watch",
    ]
    show(at, {"account": account, "token_s": life_s}, lines)


COMMANDS: tuple[click.Command, ...] = (connect,)
