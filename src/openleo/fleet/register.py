"""The fleet's register, DATA/fleet/fleet.db: kits, dishes that are polled, and accounts with the vendor.

It may be read while a collector runs; each change is durable on return.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from openleo.base.errors import BadInput, did_you_mean
from openleo.fleet.kits import Kit
from openleo.fleet.opening import open_database, transaction
from openleo.fleet.teaching import take_back, to_learn

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS kits (
    id TEXT PRIMARY KEY, kit TEXT NOT NULL, terminal TEXT NOT NULL, serial TEXT NOT NULL, site TEXT NOT NULL,
    account TEXT NOT NULL, holder TEXT NOT NULL, note TEXT NOT NULL, latitude_deg REAL, longitude_deg REAL,
    life_critical INTEGER NOT NULL, people INTEGER, phone TEXT NOT NULL DEFAULT '',
    learned INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS kits_terminal ON kits (terminal) WHERE terminal <> '';
CREATE TABLE IF NOT EXISTS dishes (
    address TEXT NOT NULL, source TEXT NOT NULL, name TEXT NOT NULL, terminal TEXT NOT NULL,
    progress TEXT NOT NULL DEFAULT '{}', PRIMARY KEY (address, source)
) STRICT;
CREATE TABLE IF NOT EXISTS dish_kits (
    address TEXT NOT NULL, source TEXT NOT NULL, kit TEXT NOT NULL, PRIMARY KEY (address, source)
) STRICT;
CREATE INDEX IF NOT EXISTS dish_kits_kit ON dish_kits (kit);
CREATE TABLE IF NOT EXISTS vendor_accounts (
    name TEXT PRIMARY KEY, vendor TEXT NOT NULL, url TEXT NOT NULL, client_id TEXT NOT NULL,
    number TEXT NOT NULL, secret_file TEXT NOT NULL, secret_env TEXT NOT NULL, UNIQUE (url, client_id)
) STRICT;
CREATE TABLE IF NOT EXISTS remarks (
    subject TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL, first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (subject, kind)
) STRICT;
CREATE TABLE IF NOT EXISTS examples (software TEXT PRIMARY KEY, status BLOB NOT NULL) STRICT;
"""
_ADDED: Final = {  # columns of kits that registers made before they were thought of lack
    "phone": "TEXT NOT NULL DEFAULT ''",
    "learned": "INTEGER NOT NULL DEFAULT 0",
}
_TAGS: Final = ("account", "site")
MOST_EXAMPLES: Final = 100
_KIT_COLUMNS: Final = tuple(f.name for f in fields(Kit))
_KIT_FLAGS: Final = ("life_critical", "learned")


@dataclass(frozen=True, slots=True, kw_only=True)
class DishEntry:
    """A dish to poll: ``address`` is host[:port]; ``source`` is our own address to ask from, "" any.

    Every real dish is 192.168.100.1, so the two together name it.  ``terminal`` is whom it said it is, and
    ``kit`` the id of the kit that people say it is.
    """

    address: str
    source: str = ""
    name: str = ""
    terminal: str = ""
    kit: str = ""

    @property
    def key(self) -> str:
        """What names it in remarks and on screens."""
        return f"{self.address} from {self.source}" if self.source else self.address

    @property
    def label(self) -> str:
        """Its name where it has one, else its key."""
        return self.name or self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorAccount:
    """A service account with a vendor's telemetry; its secret is elsewhere, in a file or the environment."""

    name: str
    url: str
    client_id: str
    vendor: str = "starlink"
    number: str = ""  # the account's, for people
    secret_file: str = ""
    secret_env: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What is wrong with, or new in, a dish or an account: when first and last, and how often."""

    subject: str
    kind: str
    detail: str
    first_ns: int
    last_ns: int
    times: int


class Register:
    """The open register.  Use it as a context, or call close."""

    def __init__(self, folder: Path) -> None:
        """Open, or make, the register of ``folder`` (DATA/fleet).  Raises BadInput."""
        self.folder = folder
        self._db = open_database(folder, _TABLES)
        self._within = False
        try:
            self._renew()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> "Register":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._db.close()

    def _lacking(self) -> list[str]:
        there = {row["name"] for row in self._db.execute("PRAGMA table_info(kits)")}
        return [name for name in _ADDED if name not in there]

    def _renew(self) -> None:
        """Add the columns that an older register lacks."""
        if self._lacking():
            with self._changing() as db:
                for name in self._lacking():  # asked again: another process may have been faster
                    db.execute(f"ALTER TABLE kits ADD COLUMN {name} {_ADDED[name]}")

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Make what is done within durable as one, or not at all; raises BadInput where the disk says no.

        Within another such block it is a part of that.
        """
        if self._within:
            yield self._db
            return
        what = f"the register in {self.folder}"
        hint = "is its disk full, or another openleo at work?  Nothing was changed"
        try:
            with transaction(self._db, what, hint, told=sqlite3.OperationalError) as db:
                self._within = True
                try:
                    yield db
                finally:
                    self._within = False
        except sqlite3.IntegrityError as error:
            raise BadInput(
                f"{what} would hold one thing twice: {error}",
                "give each kit its own terminal.  Nothing was changed",
            ) from error

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Make all changes within durable as one, or, where it ends with an error or is killed, none."""
        with self._changing():
            yield

    # Kits

    def kits(self) -> list[Kit]:
        """Return all kits, by site and id."""
        rows = self._db.execute(f"SELECT {', '.join(_KIT_COLUMNS)} FROM kits ORDER BY site, id")
        return [Kit(**{**dict(row), **{name: bool(row[name]) for name in _KIT_FLAGS}}) for row in rows]

    def find_kits(self, name: str) -> list[Kit]:
        """Return the kits that ``name`` may mean: an id, kit number, terminal, serial number or site."""
        wanted = name.casefold()
        return [kit for kit in self.kits() if wanted in {one.casefold() for one in kit.names()}]

    def put_kits(self, kits: Iterable[Kit], *, teach: bool = True) -> None:
        """Add kits, or put them in the place of those with the same id.  All or none.

        Without ``teach`` they do not learn their terminals before dishes are put next.
        """
        marks = ", ".join("?" * len(_KIT_COLUMNS))
        then = ", ".join(f"{name} = excluded.{name}" for name in _KIT_COLUMNS[1:])
        rows = [tuple(getattr(kit, name) for name in _KIT_COLUMNS) for kit in kits]
        with self._changing() as db:
            self._untag(db, [row[0] for row in rows])
            take_back(db, {row[0]: row[_KIT_COLUMNS.index("terminal")] for row in rows})
            # A terminal may move from one kit to another within one file.
            db.executemany("UPDATE kits SET terminal = '' WHERE id = ?", [(row[0],) for row in rows])
            db.executemany(
                f"INSERT INTO kits ({', '.join(_KIT_COLUMNS)}) VALUES ({marks})"
                f" ON CONFLICT (id) DO UPDATE SET {then}",
                [tuple(int(v) if isinstance(v, bool) else v for v in row) for row in rows],
            )
            self._tag(db, [row[0] for row in rows])
            if teach:
                self._teach_kits(db)

    # Telemetry is grouped, and given out, by the tags account and site of terminals: those of their kits.

    def _tag(self, db: sqlite3.Connection, ids: Sequence[str]) -> None:
        from openleo.fleet.tags import MOST_LETTERS, TABLES

        for statement in TABLES:
            db.execute(statement)
        for name in _TAGS:
            db.executemany(
                f"INSERT OR REPLACE INTO tags SELECT terminal, '{name}', substr({name}, 1, {MOST_LETTERS})"
                f" FROM kits WHERE id = ? AND terminal <> '' AND {name} <> ''",
                [(one,) for one in ids],
            )

    def _untag(self, db: sqlite3.Connection, ids: Sequence[str]) -> None:
        from openleo.fleet.tags import MOST_LETTERS

        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'tags'").fetchone() is None:
            return
        for name in _TAGS:
            db.executemany(
                "DELETE FROM tags WHERE name = ?1 AND terminal = (SELECT terminal FROM kits WHERE id = ?2)"
                f" AND value = (SELECT substr({name}, 1, {MOST_LETTERS}) FROM kits WHERE id = ?2)",
                [(name, one) for one in ids],
            )

    def remove_kit(self, kit_id: str) -> None:
        """Take a kit out."""
        with self._changing() as db:
            self._untag(db, [kit_id])
            db.execute("DELETE FROM kits WHERE id = ?", (kit_id,))
            db.execute("DELETE FROM dish_kits WHERE kit = ?", (kit_id,))

    # Dishes

    def dishes(self) -> list[DishEntry]:
        """Return the dishes to poll."""
        rows = self._db.execute(
            "SELECT address, source, name, terminal, ifnull(kit, '') AS kit"
            " FROM dishes LEFT JOIN dish_kits USING (address, source) ORDER BY address, source"
        )
        return [DishEntry(**dict(row)) for row in rows]

    def put_dish(self, dish: DishEntry) -> None:
        """Add a dish, or change the name, terminal and (where it is said) kit of the one that is there."""
        self.put_dishes([dish])

    def put_dishes(self, dishes: Sequence[DishEntry]) -> None:
        """Add dishes, or change those that are there, as put_dish does.  All or none."""
        with self._changing() as db:
            db.executemany(
                "INSERT INTO dishes (address, source, name, terminal) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET name = excluded.name, terminal = excluded.terminal",
                [(dish.address, dish.source, dish.name, dish.terminal) for dish in dishes],
            )
            told = [(dish.address, dish.source, dish.kit) for dish in dishes if dish.kit]
            db.executemany("INSERT OR REPLACE INTO dish_kits VALUES (?, ?, ?)", told)
            self._teach_kits(db)

    def _teach_kits(self, db: sqlite3.Connection) -> None:
        """Let kits whose terminal nobody told learn it from the dishes that they are, and follow those."""
        changes = to_learn(db)
        if changes:
            self._untag(db, list(changes))
            taught = [(terminal, kit) for kit, terminal in changes.items()]
            db.executemany("UPDATE kits SET terminal = '' WHERE id = ?", [(kit,) for kit in changes])
            db.executemany("UPDATE kits SET terminal = ?1, learned = ?1 <> '' WHERE id = ?2", taught)
            self._tag(db, list(changes))

    def remove_dish(self, dish: DishEntry) -> None:
        """Take a dish out, and what was remarked of it."""
        with self._changing() as db:
            for table in ("dishes", "dish_kits"):
                db.execute(
                    f"DELETE FROM {table} WHERE address = ? AND source = ?", (dish.address, dish.source)
                )
            db.execute("DELETE FROM remarks WHERE subject = ?", (dish.key,))

    def progress(self, dish: DishEntry) -> dict[str, Any]:
        """Return how far a dish was read, as the collector wrote it; {} where it never was."""
        query = "SELECT progress FROM dishes WHERE address = ? AND source = ?"
        row = self._db.execute(query, (dish.address, dish.source)).fetchone()
        if row is None:
            return {}
        found = json.loads(row["progress"])
        return found if isinstance(found, dict) else {}

    def save_progress(self, done: Sequence[tuple[DishEntry, dict[str, Any]]]) -> None:
        """Write how far dishes were read, and as whom."""
        with self._changing() as db:
            db.executemany(
                "UPDATE dishes SET progress = ?, terminal = CASE WHEN ? <> '' THEN ? ELSE terminal END"
                " WHERE address = ? AND source = ?",
                [(json.dumps(p), d.terminal, d.terminal, d.address, d.source) for d, p in done],
            )
            self._teach_kits(db)

    # Accounts

    def accounts(self) -> list[VendorAccount]:
        """Return the accounts with vendors."""
        rows = self._db.execute("SELECT * FROM vendor_accounts ORDER BY name")
        return [VendorAccount(**dict(row)) for row in rows]

    def put_account(self, account: VendorAccount) -> None:
        """Add an account, or change the one of that name.

        Raises BadInput where another has the client id: the vendor keeps one position in its stream for
        each, so two readers would take each other's batches.
        """
        for other in self.accounts():
            same = (other.url, other.client_id) == (account.url, account.client_id)
            if same and other.name != account.name:
                raise BadInput(
                    f"account {other.name} already reads with client id {account.client_id}: two readers of"
                    " one service account take each other's batches",
                    f"make a new service account, or take the other out: openleo fleet remove {other.name}",
                )
        names = [f.name for f in fields(VendorAccount)]
        with self._changing() as db:
            db.execute(
                f"INSERT OR REPLACE INTO vendor_accounts ({', '.join(names)})"
                f" VALUES ({', '.join('?' * len(names))})",
                tuple(getattr(account, name) for name in names),
            )

    def remove_account(self, name: str) -> None:
        """Take an account out; its secret's file is left."""
        with self._changing() as db:
            db.execute("DELETE FROM vendor_accounts WHERE name = ?", (name,))
            db.execute("DELETE FROM remarks WHERE subject = ?", (name,))

    # Remarks

    def remarks(self, subject: str | None = None) -> list[Remark]:
        """Return what was remarked, the latest first: of one dish or account, or of all."""
        where = "" if subject is None else " WHERE subject = ?"
        args = () if subject is None else (subject,)
        rows = self._db.execute(f"SELECT * FROM remarks{where} ORDER BY last_ns DESC", args)
        return [Remark(**dict(row)) for row in rows]

    def put_remarks(self, remarks: Iterable[Remark], *, cleared: Iterable[tuple[str, str]] = ()) -> None:
        """Add remarks to those that are there, and drop the (subject, kind) that hold no longer."""
        rows = [(r.subject, r.kind, r.detail, r.first_ns, r.last_ns, r.times) for r in remarks]
        with self._changing() as db:
            db.executemany("DELETE FROM remarks WHERE subject = ? AND kind = ?", list(cleared))
            db.executemany(
                "INSERT INTO remarks VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " detail = excluded.detail, last_ns = excluded.last_ns, times = times + excluded.times",
                rows,
            )

    def put_examples(self, found: Mapping[str, bytes]) -> None:
        """Keep a status of each software that tells what is new here, the last MOST_EXAMPLES of them."""
        with self._changing() as db:
            db.executemany("INSERT OR REPLACE INTO examples VALUES (?, ?)", list(found.items()))
            db.execute(
                "DELETE FROM examples WHERE rowid NOT IN"
                " (SELECT rowid FROM examples ORDER BY rowid DESC LIMIT ?)", (MOST_EXAMPLES,),
            )  # fmt: skip

    def examples(self) -> dict[str, bytes]:
        """Return a status message (DishGetStatusResponse) for each software that tells what is new here."""
        return {row["software"]: row["status"] for row in self._db.execute("SELECT * FROM examples")}

    # Anything

    def find(self, name: str) -> DishEntry | Kit | VendorAccount:
        """Return the dish, kit or account that ``name`` means; raises BadInput where none or several are."""
        wanted = name.casefold()
        found: list[DishEntry | Kit | VendorAccount] = [
            d for d in self.dishes() if wanted in {n.casefold() for n in (d.address, d.key, d.name) if n}
        ]
        found += [a for a in self.accounts() if a.name.casefold() == wanted]
        found += self.find_kits(name)
        if len(found) == 1:
            return found[0]
        if not found:
            known = [d.label for d in self.dishes()] + [a.name for a in self.accounts()]
            known += [kit.id for kit in self.kits()]
            raise BadInput(f"nothing in the register is called {name!r}", did_you_mean(name, known))
        shown = ", ".join(_told(one) for one in found[:8])
        raise BadInput(f"{name!r} may be {len(found)} things: {shown}", "name the one that you mean in full")


def _told(one: DishEntry | Kit | VendorAccount) -> str:
    if isinstance(one, DishEntry):
        return f"dish {one.key}"
    return f"kit {one.id}" if isinstance(one, Kit) else f"account {one.name}"
