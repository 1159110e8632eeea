"""Following a vendor's stream of telemetry (v2): one account, one reader, nothing lost on our side.

The server keeps the position of each service account, and counts a batch as had when it was sent.  So a batch
is on disk before anything else (`Spool`), and its Samples are kept before the next is asked for.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlencode

from openleo.base.errors import OpenleoError, Refused
from openleo.fleet.look import Clocks
from openleo.fleet.pace import backoff_s
from openleo.fleet.register import Remark, VendorAccount
from openleo.fleet.sample import Sample
from openleo.fleet.secrets_kept import secret_of
from openleo.fleet.spool import Spool
from openleo.fleet.vendor_batch import Batch, NotTelemetry, read_batch
from openleo.fleet.web import Answer, Server, WebError, send_json

STARLINK: Final = "https://starlink.com"
TOKEN_PATH: Final = "/api/auth/connect/token"
STREAM_PATH: Final = "/api/public/v2/telemetry/stream"
BATCH: Final = 1_000
LINGER_MS: Final = 5_000  # whoever stops us waits for so long
_LEAST_PAUSE_S: Final = 0.3  # the vendor takes 250 requests a minute
_TOKEN_LIFE_S: Final = 15 * 60.0
_RENEW_S: Final = 60.0  # before its end
_TROUBLES: Final = ("unreachable", "credentials", "limit", "server", "disk")


class WrongSecret(Refused):
    """The server does not take this client id with this secret."""

    code = "wrong-secret"


@dataclass(slots=True)
class Token:
    """What a service account may show instead of its secret, and until when (steady seconds)."""

    text: str
    until_s: float


def ask_token(server: Server, client_id: str, secret: str) -> tuple[str, float]:
    """Return a token and for how many seconds it is good; raises WrongSecret and WebError."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    answer = server.post(TOKEN_PATH, urlencode(form).encode(), headers)
    if answer.status in (400, 401, 403):
        raise WrongSecret(
            f"{server.url} does not take client id {client_id} with its secret ({answer.said()})",
            "was the service account deleted, or its secret made anew?  Connect again with the new one",
        )
    if not answer.is_ok:
        raise WebError(f"{server.url} gives no token: {answer.said()}", "try again later")
    told = answer.json()
    text = told.get("access_token") if isinstance(told, dict) else None
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable():
        raise WebError(f"{server.url} answers without a token", "is this the right URL?")
    life = told.get("expires_in")
    fine = isinstance(life, (int, float)) and not isinstance(life, bool) and 0 < life < 1e6
    return text, float(life) if fine else _TOKEN_LIFE_S


class Keeper(Protocol):
    """What keeps Samples: a `Collector`."""

    async def add(
        self, samples: Sequence[Sample], remarks: Sequence[Remark] = (), *, subject: str = "",
        cleared: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Keep them, and drop a subject's remarks of kinds ``cleared``; durable on return, else it raises."""


class VendorStream:
    """One account's stream."""

    def __init__(
        self, account: VendorAccount, keeper: Keeper, *, folder: Path, clocks: Clocks | None = None,
        secret: Callable[[VendorAccount], str] = secret_of, linger_ms: int = LINGER_MS,
    ) -> None:  # fmt: skip
        """``folder`` is the fleet's; what was sent and not yet kept lies in its spool/."""
        self.account = account
        self.server = Server(account.url, timeout_s=30.0 + linger_ms / 1000)
        self.server.parts()
        self.keeper = keeper
        self.spool = Spool(folder / "spool" / account.name)
        self.clocks = clocks or Clocks()
        self.linger_ms = linger_ms
        self.rows = 0
        self.state = "unknown"  # reading, or what is wrong, for people
        self.last_ns = 0  # when a batch last came
        self._secret = secret
        self._token: Token | None = None
        self._failures = 0
        self._unkept: bytes | None = None  # a batch that the disk would not take yet

    async def run(self, stop: asyncio.Event) -> None:
        """Follow it until ``stop``; a batch that has come by then is kept."""
        while not stop.is_set():
            pause_s = await self.turn()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause_s)

    async def turn(self) -> float:
        """Keep what waits, ask for a batch and keep it; return the pause until the next turn, seconds."""
        try:
            await self._keep_waiting()
            if self._unkept is not None:
                await self._keep(self._unkept)
            answer = await self._asked()
            if not answer.is_ok:
                return await self._refused(answer)
            # Whoever stops us waits for this: the server will not send it again.
            batch = await asyncio.shield(asyncio.ensure_future(self._keep(answer.body)))
        except WrongSecret as error:
            return await self._trouble("credentials", error.detail)
        except WebError as error:
            return await self._trouble("unreachable", error.detail)
        except (OpenleoError, OSError) as error:
            return await self._trouble("disk", f"cannot go on: {getattr(error, 'detail', error)}")
        if self._failures or self.state == "unknown":
            with contextlib.suppress(OpenleoError, OSError):
                await self.keeper.add((), subject=self.account.name, cleared=_TROUBLES)
        self._failures = 0
        self.state = "reading"
        size = batch.size if batch else 0
        self.rows += size
        return _LEAST_PAUSE_S if size >= BATCH or self.linger_ms else 15.0

    async def _asked(self) -> Answer:
        """Ask for a batch, with a new token where the old one is not taken any more."""
        for first in (True, False):
            token = await self._good_token()
            answer = await asyncio.to_thread(
                send_json, self.server, STREAM_PATH, {"batchSize": BATCH, "maxLingerMs": self.linger_ms},
                {"Authorization": f"Bearer {token}"},
            )  # fmt: skip
            if answer.status != 401 or not first:
                return answer
            self._token = None
        raise AssertionError("the second answer is returned")

    async def _good_token(self) -> str:
        now_s = self.clocks.steady_s()
        if self._token is None or now_s >= self._token.until_s:
            secret = self._secret(self.account)
            text, life_s = await asyncio.to_thread(ask_token, self.server, self.account.client_id, secret)
            self._token = Token(text, now_s + max(life_s - _RENEW_S, life_s / 2))
        return self._token.text

    # Keeping.

    async def _keep_waiting(self) -> None:
        """Keep what came before and was not kept: we were stopped, or the disk was full."""
        for path in list(self.spool.waiting()):
            await self._keep_file(path, await asyncio.to_thread(path.read_bytes))

    async def _keep(self, body: bytes) -> Batch | None:
        self._unkept = body
        path = await asyncio.to_thread(self.spool.put, body)
        self._unkept = None
        return await self._keep_file(path, body)

    async def _keep_file(self, path: Path, body: bytes) -> Batch | None:
        """Keep a batch's Samples; one that cannot be read is set aside for people, and said."""
        try:
            batch = read_batch(json.loads(body))
        except (NotTelemetry, ValueError, RecursionError) as error:
            aside = await asyncio.to_thread(self.spool.set_aside, path)
            detail = f"a batch could not be read ({str(error)[:120]}); it is kept as {aside.name}"
            await self.keeper.add((), [self._remark("garbage", detail)])
            return None
        remarks = [self._remark(kind, detail) for kind, detail in batch.new.items()]
        await self.keeper.add(batch.samples, remarks)
        await asyncio.to_thread(self.spool.done, path)
        if batch.size:
            self.last_ns = self.clocks.now_ns()
        return batch

    # What goes wrong.

    async def _refused(self, answer: Answer) -> float:
        """Say what the server does not like; return the pause, as long as it asks for."""
        wait_s = backoff_s(self._failures + 1, first_s=15.0, most_s=300.0, roll=self.clocks.roll())
        if answer.status == 429:
            pause_s = answer.wait_s(wait_s)
            await self._trouble(
                "limit", f"it asks us to wait {pause_s:,.0f} s: does another program read too?"
            )
            return pause_s
        if answer.status in (401, 403):
            self._token = None
            return await self._trouble("credentials", f"it does not let us read: {answer.said()}")
        if answer.status >= 500:
            await self._trouble("server", answer.said())
            return answer.wait_s(wait_s)
        return await self._trouble("garbage", f"it does not understand us: {answer.said()}")

    async def _trouble(self, kind: str, detail: str) -> float:
        self._failures += 1
        self.state = detail
        with contextlib.suppress(OpenleoError, OSError):
            await self.keeper.add((), [self._remark(kind, detail)])
        return backoff_s(self._failures, first_s=15.0, most_s=300.0, roll=self.clocks.roll())

    def _remark(self, kind: str, detail: str) -> Remark:
        now_ns = self.clocks.now_ns()
        return Remark(
            subject=self.account.name, kind=kind, detail=detail, first_ns=now_ns, last_ns=now_ns, times=1
        )
