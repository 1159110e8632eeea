"""`openleo ingest`: take telemetry in, in processes of its own."""

import sys
from pathlib import Path
from typing import Any

import click

from openleo.base.errors import BadInput

_PORT = 8360
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_FILE = click.Path(path_type=Path)
_DAYS = click.IntRange(1, 4_000)


@click.command("ingest")
@click.option(
    "--data",
    type=_FILE,
    metavar="DIR",
    help="Where data lives (default: OPENLEO_HOME, else the platform's folder).",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=_PORT, show_default=True, help="The port; 0 for any."
)
@click.option("--tls-cert", type=_FILE, metavar="FILE", help="The certificate (and its chain), PEM.")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="The certificate's key, PEM.")
@click.option("--control-less", is_flag=True, help="Take agents' telemetry alone, not terminals' own.")
@click.option(
    "--key-file",
    type=_FILE,
    envvar="OPENLEO_KEY_FILE",
    metavar="FILE",
    help="The key of a sealed control database, or OPENLEO_KEY_FILE.",
)
@click.option(
    "--hot-days", type=_DAYS, default=2, show_default=True, help="Days for which samples stay as they came."
)
@click.option(
    "--raw-days",
    type=_DAYS,
    default=30,
    show_default=True,
    help="Days for which the history keeps samples; what is older is not taken.",
)
@click.option(
    "--minute-days",
    type=_DAYS,
    default=396,
    show_default=True,
    help="Days for which the history keeps minutes.",
)
@click.option("--mqtt", metavar="URL", help="Hand telemetry on to a broker: mqtts://USER:PASSWORD@HOST:8883.")
@click.option("--mqtt-positions", is_flag=True, help="Hand positions on too.")
def command(
    *, data: Path | None, host: str, port: int, tls_cert: Path | None, tls_key: Path | None,
    control_less: bool, key_file: Path | None, hot_days: int, raw_days: int, minute_days: int,
    mqtt: str | None, mqtt_positions: bool,
) -> None:  # fmt: skip
    """Take telemetry in over HTTP, keep it, and hand it out.

    Agents and terminals POST signed batches; Prometheus, CSV, Parquet, MQTT and the vendor's own collectors
    get it from here.  It listens on this machine alone, unless a certificate is given.  Stop it with Ctrl-C.
    """
    from openleo.cli._control import control_folder, data_folder
    from openleo.cli._people import store_key
    from openleo.fleet.keeping import Retention
    from openleo.fleet.store import fleet_folder

    tls = _tls(host, tls_cert, tls_key)
    Retention(hot_days=hot_days, raw_days=raw_days, minute_days=minute_days)  # says what is wrong with it
    if mqtt is not None:
        from openleo.fleet.mqtt import Broker

        Broker.of(mqtt)
    control = control_folder(data)
    found = None if control_less or not (control / "control.db").is_file() else control
    key = None if found is None else store_key(found, key_file)
    fleet = fleet_folder(data_folder(data))
    told = {
        "fleet": str(fleet), "control": None if found is None else str(found),
        "key": None if key is None else key.hex(), "tls": tls, "open_metrics": host in _LOOPBACK,
        "room": {"kept_days": raw_days},
    }  # fmt: skip
    retention = {"hot_days": hot_days, "raw_days": raw_days, "minute_days": minute_days}
    keeper = {"fleet": str(fleet), "retention": retention, "mqtt": mqtt, "mqtt_positions": mqtt_positions}
    _serve(told, keeper, host, port)


def _tls(host: str, certificate: Path | None, key: Path | None) -> dict[str, str] | None:
    """Return the paths of certificate and key; BadInput where one is missing, or both are needed."""
    if certificate is None and key is None:
        if host not in _LOOPBACK:
            raise BadInput(
                f"{host} is no loopback address, and without TLS secrets would travel readable",
                "give --tls-cert and --tls-key, or listen on 127.0.0.1 behind a proxy that has them",
            )
        return None
    if certificate is None or key is None:
        raise BadInput("a certificate goes with its key", "give both --tls-cert and --tls-key")
    import ssl

    for path in (certificate, key):
        if not path.is_file():
            raise BadInput(f"there is no file {path}", "name a PEM file")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        raise BadInput(
            f"{certificate} and {key} are no certificate with its key: {error}", "both are PEM, unencrypted"
        ) from error
    return {"certificate": str(certificate), "key": str(key)}


def _serve(told: dict[str, Any], keeper: dict[str, Any], host: str, port: int) -> None:
    from openleo.live.supervisor import Child, bound, supervise

    listening = bound(host, port)
    listening.listen(2_048)
    number = listening.getsockname()[1]
    children = [
        Child(
            name="ingest", module="openleo.api.ingest_process", told={**told, "fd": listening.fileno()},
            passes=(listening.fileno(),),
        ),
        Child(name="keeper", module="openleo.api.keeper_process", told=keeper),
    ]  # fmt: skip
    scheme = "http" if told["tls"] is None else "https"
    address = f"{scheme}://{f'[{host}]' if ':' in host else host}:{number}"
    click.echo(f"taking telemetry in on {address}")
    click.echo(f"  batches     POST {address}/v1/telemetry (docs/telemetry.md)")
    click.echo(f"  metrics     {address}/metrics")
    click.echo(f"  collectors  {address}/api/public/v2/telemetry/stream")
    click.echo("  stop        Ctrl-C; nothing that was acknowledged is lost")
    sys.stdout.flush()
    said = "stopping: what has come is kept first"
    status = supervise(children, stopping=lambda: click.echo(said, err=True))
    listening.close()
    if status:
        sys.exit(status)
