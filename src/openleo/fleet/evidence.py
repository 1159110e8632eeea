"""What quarantined devices sent, byte by byte and with its signature, for those who look into it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from openleo.control.driver import Driver
from openleo.fleet.batches import Head
from openleo.fleet.storage import connect, telling, writing

EVIDENCE: Final = "quarantine.db"
MOST_KEPT: Final = 20_000  # batches of one device: a captured one shall not fill the disk
_HEADERS: Final = ("openleo-", "content-encoding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One batch of a quarantined device; ``headers`` are those that prove it."""

    device: str
    boot: str
    first: int
    last: int
    received_ns: int
    headers: Mapping[str, str]
    body: bytes


_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS kept (device TEXT, boot TEXT, first INTEGER, last INTEGER,"
    " received_ns INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,"
    " UNIQUE (device, boot, first, last, body))"
)


class Evidence:
    """The open file; a batch that comes again is kept once."""

    def __init__(self, folder: Path, driver: Driver) -> None:
        self._driver = driver
        with telling(driver):
            self._conn = connect(driver, folder / EVIDENCE, [_SCHEMA])

    def keep(self, head: Head, headers: Mapping[str, str], body: bytes, *, now_ns: int) -> None:
        """Keep a batch, unless the device has filled its share."""
        proof = {name: value for name, value in headers.items() if name.startswith(_HEADERS)}
        with writing(self._driver, self._conn):
            count = self._conn.execute(
                "SELECT count(*) FROM kept WHERE device = ?", (head.device,)
            ).fetchall()[0][0]
            if count < MOST_KEPT:
                self._conn.execute(
                    "INSERT OR IGNORE INTO kept VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (head.device, head.boot, head.first, head.last, now_ns,
                     msgspec.json.encode(proof).decode(), body),
                )  # fmt: skip

    def of(self, device: str) -> list[Kept]:
        """Return what is kept of a device, as it came."""
        with telling(self._driver):
            rows = self._conn.execute(
                "SELECT device, boot, first, last, received_ns, headers, body FROM kept WHERE device = ?"
                " ORDER BY rowid", (device,),
            ).fetchall()  # fmt: skip
        return [
            Kept(
                device=d,
                boot=b,
                first=f,
                last=z,
                received_ns=at,
                headers=msgspec.json.decode(h),
                body=bytes(body),
            )
            for d, b, f, z, at, h, body in rows
        ]

    def close(self) -> None:
        """Close it."""
        with suppress(self._driver.module.Error):
            self._conn.close()
