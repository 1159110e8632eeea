"""`openleo fleet` and `openleo ingest`: enrol an agent, take its batch in, take telemetry out."""

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from openleo.cli._main import exit_code_of
from openleo.control.enrolment import to_prove
from openleo.control.keys import public_of, sign
from openleo.fleet.batches import PATH, sign_batch
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore, fleet_folder

KEY = Ed25519PrivateKey.generate()
SEED = KEY.private_bytes_raw()


def done(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> str:
    """Run a command; return what it printed."""
    assert exit_code_of(list(args)) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def filled(data: Path) -> int:
    """Put an hour of a terminal into the store; return when it ended."""
    now = time.time_ns()
    with TelemetryStore(fleet_folder(data)) as store:
        store.add(
            [
                Sample(
                    terminal="ut-1", time_ns=now - n * 15 * 10**9, source="dish", boot=1, counter=500 - n,
                    downlink_mbps=12.5, ping_latency_ms=30.0, outage="", alerts=(50, 66), latitude_deg=49.8,
                )
                for n in range(240)
            ]
        )  # fmt: skip
    return now


def test_agents_are_added_listed_and_revoked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--data", str(data))
    code = done(capsys, "fleet", "agent", "add", "ag-1", "--site", "Lviv", "--terminal", "ut-1", *where)
    assert re.fullmatch(r"(\w{4}-){5}\w{4}\n", code)
    assert "exists" not in done(capsys, "fleet", "agent", "list", *where)
    assert re.search(r"ag-1 +waiting +Lviv", done(capsys, "fleet", "agent", "list", *where))
    assert done(capsys, "fleet", "agent", "code", "ag-1", *where) != code
    assert "quarantined" in done(
        capsys, "fleet", "agent", "revoke", "ag-1", "--captured-since", "2026-03-01T12:00:00Z", *where
    )
    assert re.search(r"ag-1 +captured", done(capsys, "fleet", "agent", "list", *where))
    error = done(capsys, "fleet", "agent", "revoke", "ag-2", *where, code=1)
    assert error.splitlines()[0] == "error: there is no agent 'ag-2'"
    assert done(capsys, "fleet", "agent", "add", "ag-1", *where, code=1).startswith(
        "error: there is an agent"
    )


def test_service_accounts_and_tags(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--data", str(data))
    assert len(done(capsys, "fleet", "service", "add", "grafana", "--account", "relief", *where)) > 40
    assert re.search(r"grafana +relief", done(capsys, "fleet", "service", "list", *where))
    done(capsys, "fleet", "service", "remove", "grafana", *where)
    assert done(capsys, "fleet", "service", "list", *where) == "no service accounts\n"
    done(capsys, "fleet", "tag", "ut-1", "site=Lviv", "account=relief", *where)
    assert "no tag" in done(capsys, "fleet", "tag", "ut-1", "site", *where, code=1)


def test_telemetry_goes_out_as_csv_parquet_and_answers(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(data)
    where = ("--data", str(data))
    assert re.search(r"ut-1 .* in service +30 +12.5", done(capsys, "fleet", "latest", *where))
    assert json.loads(done(capsys, "fleet", "latest", "--format", "json", *where))[0]["terminal"] == "ut-1"
    out = tmp_path / "out.csv"
    assert done(capsys, "fleet", "export", str(out), *where) == f"240 rows in {out}\n"
    head, first = out.read_text().splitlines()[:2]
    assert "latitude" not in head
    assert first.startswith("ut-1,")
    done(capsys, "fleet", "export", str(tmp_path / "out.parquet"), "--table", "enterprise", *where)
    assert "neither" in done(capsys, "fleet", "export", str(tmp_path / "out.txt"), *where, code=1)
    answer = done(
        capsys,
        "fleet",
        "query",
        "SELECT terminal, count(*) AS n, any_value(alerts) AS a FROM telemetry GROUP BY 1",
        *where,
    )
    assert answer == "terminal,n,a\nut-1,240,50 66\n"
    assert done(capsys, "fleet", "query", "nonsense", *where, code=1).startswith(
        "error: the query cannot be run"
    )
    assert re.fullmatch(r"\d hours written\n", done(capsys, "fleet", "keep", *where))


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for this machine and its key."""
    from datetime import UTC, datetime, timedelta

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    (folder / "c.pem").write_bytes(made.public_bytes(pem))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "k.pem").write_bytes(key.private_bytes(pem, *plain))
    return folder / "c.pem", folder / "k.pem"


@pytest.mark.parametrize("tls", [False, True])
def test_an_agent_enrols_and_sends_to_openleo_ingest(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], tls: bool
) -> None:
    code = done(capsys, "fleet", "agent", "add", "ag-1", "--data", str(data)).strip()
    command = [
        sys.executable,
        "-c",
        "from openleo.cli import main; main()",
        "ingest",
        "--data",
        str(data),
        "--port",
        "0",
    ]
    if tls:
        cert, key = certificate(tmp_path)
        command += ["--tls-cert", str(cert), "--tls-key", str(key)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = re.match(r"taking telemetry in on (https?)://127.0.0.1:(\d+)", line)
            assert match, line
            assert match[1] == ("https" if tls else "http")
            proof = sign(SEED, to_prove(code, public_of(SEED)))
            asked = {"code": code, "public_key": public_of(SEED), "proof": proof}
            status, body = ask(tls, tmp_path, int(match[2]), f"{PATH}/enrol", {}, json.dumps(asked).encode())
            assert (status, json.loads(body)) == (200, {"device": "ag-1"})
            now = time.time_ns()
            samples = [Sample(terminal="ut-7", time_ns=now, source="dish", boot=1, counter=1)]
            headers, content = sign_batch(KEY, "ag-1", "b1", 0, samples)
            assert ask(tls, tmp_path, int(match[2]), PATH, headers, content)[0] == 204
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
    with TelemetryStore(fleet_folder(data)) as store:
        assert store.latest() == {"ut-7": samples[0]}


def ask(
    tls: bool, folder: Path, port: int, path: str, headers: dict[str, str], body: bytes
) -> tuple[int, bytes]:
    """POST something, as soon as somebody answers there."""
    import ssl

    connection: http.client.HTTPConnection
    if tls:
        context = ssl.create_default_context(cafile=str(folder / "c.pem"))
        context.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--host", "0.0.0.0"], "error: 0.0.0.0 is no loopback address, and without TLS"),
        (["--tls-cert", "c.pem"], "error: a certificate goes with its key"),
        (["--tls-cert", "c.pem", "--tls-key", "k.pem"], "error: there is no file"),
        (["--raw-days", "1"], "error: 2, 1 and 396 days are no retention"),
        (["--mqtt", "http://x"], "error: this is no broker's URL"),
    ],
)
def test_what_ingest_is_not_started_with(
    data: Path, capsys: pytest.CaptureFixture[str], args: list[str], error: str
) -> None:
    assert done(capsys, "ingest", "--data", str(data), *args, code=1).startswith(error)
