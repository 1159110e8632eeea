"""Following a vendor's stream: tokens, refusals, and that no batch is lost on our side."""

import asyncio
import json
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner
from servers_here import Asked, Reply, Scripted, ingest_here, scripted
from test_vendor_batch import ROW, reply

from openleo.base.errors import BadInput
from openleo.cli._group import cli
from openleo.cli._main import exit_code_of
from openleo.fleet.collect import Collector
from openleo.fleet.register import Register, Remark, VendorAccount
from openleo.fleet.sample import Sample
from openleo.fleet.vendor import VendorStream, WrongSecret, ask_token
from openleo.fleet.web import Server

Capture = pytest.CaptureFixture[str]
TIME_NS = 1_795_000_000_000_000_000


class Kept:
    """Keeps what is given; fails while ``full``."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.remarks: dict[str, str] = {}
        self.full = False

    async def add(
        self, samples: Sequence[Sample], remarks: Sequence[Remark] = (), *, subject: str = "",
        cleared: Sequence[str] = (),
    ) -> None:  # fmt: skip
        if self.full and samples:
            raise BadInput("the disk is full", "make room")
        self.samples += samples
        for kind in cleared:
            self.remarks.pop(kind, None)
        self.remarks |= {remark.kind: remark.detail for remark in remarks}


class Vendor:
    """A vendor of the recorded form: batches as a test lists them, each sent once, tokens that end."""

    def __init__(self, *batches: Any) -> None:
        self.batches = list(batches)
        self.tokens = 0
        self.instead: list[Reply] = []
        self.token_life_s = 900.0
        self.ended = False  # the tokens that were given are good no more

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/api/auth/connect/token":
            form = parse_qs(asked.body.decode())
            if form["client_secret"] != ["s3cret"]:
                return 400, {}, b'{"error":"invalid_client"}'
            self.tokens += 1
            self.ended = False
            told = {"access_token": f"t{self.tokens}", "expires_in": self.token_life_s}
            return 200, {}, json.dumps(told).encode()
        assert asked.path == "/api/public/v2/telemetry/stream"
        assert set(json.loads(asked.body)) == {"batchSize", "maxLingerMs"}  # it refuses anything else
        if asked.headers["authorization"] != f"Bearer t{self.tokens}" or self.ended:
            return 401, {}, b""
        if self.instead:
            return self.instead.pop(0)
        told = self.batches.pop(0) if self.batches else reply()
        return 200, {}, told if isinstance(told, bytes) else json.dumps(told).encode()


def row(number: int) -> list[Any]:
    return ["u", TIME_NS + number * 10**9, f"ut-{number}", *ROW[3:]]


def stream(there: Scripted, folder: Path, kept: Kept, *, secret: str = "s3cret") -> VendorStream:
    account = VendorAccount(name="north", url=there.url, client_id="c-1", secret_env="UNUSED")
    return VendorStream(account, kept, folder=folder, secret=lambda _: secret, linger_ms=0)


def test_batches_are_kept_one_after_the_other_with_one_token(tmp_path: Path) -> None:
    vendor, kept = Vendor(reply(row(1), row(2)), reply(row(3))), Kept()
    with scripted(vendor) as there:
        one = stream(there, tmp_path, kept)
        pauses = [asyncio.run(one.turn()) for _ in range(3)]
    assert [sample.terminal for sample in kept.samples] == ["ut-1", "ut-2", "ut-3"]
    assert vendor.tokens == 1
    assert one.state == "reading"
    assert max(pauses) <= 15
    assert list((tmp_path / "spool" / "north").iterdir()) == []


def test_a_token_is_renewed_before_its_end_and_when_it_is_refused(tmp_path: Path) -> None:
    vendor, kept = Vendor(reply(row(1)), reply(row(2)), reply(row(3))), Kept()
    with scripted(vendor) as there:
        one = stream(there, tmp_path, kept)
        asyncio.run(one.turn())
        vendor.ended = True
        asyncio.run(one.turn())
        assert there.paths() == ["token", "stream", "stream", "token", "stream"]
        assert one._token is not None
        one._token.until_s = 0.0
        asyncio.run(one.turn())
        assert vendor.tokens == 3
    assert len(kept.samples) == 3


@pytest.mark.parametrize(
    ("answer", "kind", "pause_s"),
    [
        ((429, {"Retry-After": "37"}, b""), "limit", (37, 37)),
        ((429, {}, b""), "limit", (12, 18)),
        ((503, {"Retry-After": "9"}, b""), "server", (9, 9)),
        ((500, {}, b"<html>oops</html>"), "server", (12, 18)),
        ((403, {}, b""), "credentials", (12, 18)),
        ((400, {}, b'{"title":"additionalProperties"}'), "garbage", (12, 18)),
        ((302, {"Location": "https://elsewhere.example/"}, b""), "garbage", (12, 18)),
    ],
)
def test_refusals_are_named_and_waited_out(
    tmp_path: Path, answer: Reply, kind: str, pause_s: tuple[float, float]
) -> None:
    vendor, kept = Vendor(reply(row(1))), Kept()
    vendor.instead = [answer]
    with scripted(vendor) as there:
        one = stream(there, tmp_path, kept)
        pause = asyncio.run(one.turn())
        assert pause_s[0] <= pause <= pause_s[1]
        assert kind in kept.remarks
        asyncio.run(one.turn())
    assert len(kept.samples) == 1
    assert one.state == "reading"
    assert kind == "garbage" or kind not in kept.remarks  # it is over


def test_a_wrong_secret_and_a_server_that_is_away_are_told_apart(tmp_path: Path) -> None:
    kept = Kept()
    with scripted(Vendor()) as there:
        asyncio.run(stream(there, tmp_path, kept, secret="wrong").turn())
        gone = stream(there, tmp_path, kept)
    asyncio.run(gone.turn())
    assert "does not take client id c-1" in kept.remarks["credentials"]
    assert "wrong" not in kept.remarks["credentials"]  # the secret is never told
    assert "cannot be reached" in kept.remarks["unreachable"]


def test_no_batch_is_asked_for_before_the_last_is_kept(tmp_path: Path) -> None:
    """The vendor sends each once: what cannot be kept now waits on disk, and another reader finds it."""
    vendor, kept = Vendor(reply(row(1)), reply(row(2))), Kept()
    kept.full = True
    with scripted(vendor) as there:
        one = stream(there, tmp_path, kept)
        for _ in range(3):
            asyncio.run(one.turn())
        assert there.paths() == ["token", "stream"]
        assert "full" in kept.remarks["disk"]
        kept.full = False
        again = stream(there, tmp_path, kept)  # it was killed, and began anew
        for _ in range(2):
            asyncio.run(again.turn())
    assert [sample.terminal for sample in kept.samples] == ["ut-1", "ut-2"]
    assert "disk" not in kept.remarks


def test_a_batch_that_the_disk_refuses_is_held_and_not_asked_past(tmp_path: Path) -> None:
    vendor, kept = Vendor(reply(row(1)), reply(row(2))), Kept()
    with scripted(vendor) as there:
        one = stream(there, tmp_path, kept)
        put = one.spool.put

        def full(data: bytes) -> Path:
            raise OSError(28, "No space left on device")

        one.spool.put = full  # type: ignore[method-assign]
        for _ in range(2):
            asyncio.run(one.turn())
        assert there.paths() == ["token", "stream"]
        one.spool.put = put  # type: ignore[method-assign]
        asyncio.run(one.turn())
    assert [sample.terminal for sample in kept.samples] == ["ut-1", "ut-2"]


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b"{}", b"[" * 100_000, b"\xff\xfe"])
def test_a_batch_that_cannot_be_read_is_set_aside_for_people(tmp_path: Path, body: bytes) -> None:
    vendor, kept = Vendor(body, reply(row(2))), Kept()
    with scripted(vendor) as there:
        one = stream(there, tmp_path, kept)
        for _ in range(2):
            asyncio.run(one.turn())
    [aside] = (tmp_path / "spool" / "north").glob("*.unread")
    assert aside.read_bytes() == body
    assert aside.name in kept.remarks["garbage"]
    assert [sample.terminal for sample in kept.samples] == ["ut-2"]


def test_our_own_served_endpoint_is_followed(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "reader", tmp_path / "server"
    with ingest_here(theirs) as there:
        secret = there.service("openleo")
        now_ns = time.time_ns()
        there.store.add(
            [
                Sample(terminal=f"ut-{n}", time_ns=now_ns - n * 10**9, source="dish", uptime_s=n)
                for n in range(5)
            ]
        )
        (tmp_path / "secret").write_text(secret)
        (tmp_path / "secret").chmod(0o600)
        command = ["fleet", "connect", "starlink", "--client-id", "openleo", "--url", there.url]
        command += ["--secret-file", str(tmp_path / "secret"), "--data", str(tmp_path / "data")]
        assert exit_code_of(command) == 0
        account = VendorAccount(name="ours", url=there.url, client_id="openleo", secret_env="X")
        kept = Kept()
        one = VendorStream(account, kept, folder=ours, secret=lambda _: secret, linger_ms=100)
        for _ in range(2):
            asyncio.run(one.turn())
        assert sorted(s.terminal for s in kept.samples) == [f"ut-{n}" for n in range(5)]
        assert {s.source for s in kept.samples} == {"enterprise"}
        assert "unreachable" not in kept.remarks


# Connecting.


def test_connecting_checks_the_secret_keeps_it_in_a_file_of_ones_own_and_never_prints_it(
    tmp_path: Path, capsys: Capture
) -> None:
    secret, data = tmp_path / "secret", tmp_path / "data"
    secret.write_text("s3cret\n")
    command = ["fleet", "connect", "starlink", "--name", "north", "--client-id", "c-1", "--data", str(data)]
    with scripted(Vendor()) as there:
        command += ["--url", there.url, "--secret-file", str(secret)]
        secret.chmod(0o644)
        assert exit_code_of(command) == 1
        assert "chmod 600" in capsys.readouterr().err
        secret.chmod(0o600)
        assert exit_code_of(command) == 0
    told = capsys.readouterr()
    assert "good for 15 min" in told.out
    assert "s3cret" not in told.out + told.err
    kept = data / "fleet" / "secrets" / "north.secret"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text() == "s3cret\n"
    with Register(data / "fleet") as register:
        assert [account.client_id for account in register.accounts()] == ["c-1"]


def test_connecting_guides_a_person_and_asks_for_what_it_needs(tmp_path: Path) -> None:
    with scripted(Vendor()) as there:
        asked = CliRunner().invoke(
            cli, ["fleet", "connect", "starlink", "--url", there.url, "--data", str(tmp_path)],
            input="c-1\ns3cret\n",
        )  # fmt: skip
    assert asked.exit_code == 0, asked.output
    assert "NEW service account" in asked.output
    assert "read only" in asked.output
    assert "s3cret" not in asked.output


def test_connecting_with_a_wrong_secret_keeps_nothing(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORTH_SECRET", "wr0ng")
    with scripted(Vendor()) as there:
        command = ["fleet", "connect", "starlink", "--client-id", "c-1", "--secret-env", "NORTH_SECRET"]
        assert exit_code_of([*command, "--url", there.url, "--data", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "does not take client id" in told
    assert "wr0ng" not in told
    assert not (tmp_path / "fleet").exists()


def test_secrets_are_not_sent_in_the_open(tmp_path: Path, capsys: Capture) -> None:
    command = ["fleet", "connect", "starlink", "--client-id", "c", "--secret-env", "HOME"]
    code = exit_code_of([*command, "--url", "http://vendor.example", "--data", str(tmp_path)])
    assert code == 1
    assert "not encrypted" in capsys.readouterr().err


def test_a_token_from_elsewhere_than_a_vendor_is_told() -> None:
    with scripted(lambda asked: (200, {}, b'{"hello": 1}')) as there, pytest.raises(Exception, match="token"):
        ask_token(Server(there.url), "c", "s")
    with scripted(lambda asked: (401, {}, b"")) as there, pytest.raises(WrongSecret):
        ask_token(Server(there.url), "c", "s")


def test_collectors_keep_streams_beside_dishes(tmp_path: Path) -> None:
    from openleo.fleet.books import FleetBook

    vendor = Vendor(reply(row(1)))
    with scripted(vendor) as there, FleetBook(tmp_path) as book:
        account = VendorAccount(name="north", url=there.url, client_id="c-1", secret_env="UNUSED")
        one = VendorStream(account, Collector(book), folder=tmp_path, secret=lambda _: "s3cret", linger_ms=0)
        asyncio.run(one.turn())
        assert [s.source for s in book._open_store().samples("ut-1", 0, 2**62)] == ["enterprise"]
