"""Jobs, kept in fleet.db: whom each tells, when each was told, what it answered, and how it stood after.

A step is ``sending`` on disk before its dish is told anything, and says what became of it after; so whoever
goes on with a job after a crash knows which dishes may have been told.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import msgspec

from openleo.base.errors import BadInput, Refused, did_you_mean
from openleo.fleet.acting.judging import Seen
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import Left, Plan, Settings, Step
from openleo.fleet.database import FleetDatabase

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, order_ TEXT NOT NULL, settings TEXT NOT NULL,"
    " chosen_by TEXT NOT NULL, include TEXT NOT NULL, not_ours TEXT NOT NULL, sites TEXT NOT NULL,"
    " reason TEXT NOT NULL, by TEXT NOT NULL, made_ns INTEGER NOT NULL, state TEXT NOT NULL,"
    " says TEXT NOT NULL, ended_ns INTEGER, forgiven_ns INTEGER NOT NULL DEFAULT 0, entry INTEGER)",
    "CREATE TABLE IF NOT EXISTS job_steps (job TEXT, n INTEGER, terminal TEXT NOT NULL, site TEXT NOT NULL,"
    " life_critical INTEGER NOT NULL, canary INTEGER NOT NULL, state TEXT NOT NULL, told_ns INTEGER,"
    " settled_ns INTEGER, answer TEXT NOT NULL DEFAULT '', before TEXT, after TEXT, PRIMARY KEY (job, n))",
    "CREATE TABLE IF NOT EXISTS job_left (job TEXT, terminal TEXT, site TEXT NOT NULL, why TEXT NOT NULL,"
    " says TEXT NOT NULL, PRIMARY KEY (job, terminal))",
    "CREATE TABLE IF NOT EXISTS job_events (n INTEGER PRIMARY KEY, job TEXT NOT NULL, at_ns INTEGER NOT NULL,"
    " what TEXT NOT NULL, by TEXT NOT NULL, says TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS job_now (one INTEGER PRIMARY KEY CHECK (one = 1), job TEXT NOT NULL)",
)
_JOB: Final = (
    "SELECT id, order_, settings, chosen_by, include, not_ours, sites, reason, by, made_ns, state, says,"
    " ended_ns, forgiven_ns, entry FROM jobs"
)
_STEP: Final = (
    "SELECT terminal, site, life_critical, canary, state, told_ns, settled_ns, answer, before, after, job"
    " FROM job_steps"
)


class JobEnded(Refused):
    """A job is over."""

    code = "job-ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job: what is told, to whom it was to be told, why, and who said so."""

    id: str
    order: Order
    settings: Settings
    chosen_by: str  # the words by which its terminals were chosen
    include: frozenset[str]
    not_ours: frozenset[str]  # of which a person said that our own way does not go over them
    site_sizes: Mapping[str, int]
    reason: str
    by: str
    made_ns: int
    state: str = "running"  # running, stopped, done
    says: str = ""
    ended_ns: int | None = None
    forgiven_ns: int = 0
    entry: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Step):
    """A step with all that is kept of it."""

    job: str
    life_critical: bool
    answer: str = ""
    before: Seen | None = None
    after: Seen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that was done with a job."""

    at_ns: int
    what: str
    by: str
    says: str


def new_id() -> str:
    """Return a name for a job."""
    return f"j-{secrets.token_hex(5)}"


class Jobs:
    """The jobs in an open fleet database.  The caller passes the time, in Unix nanoseconds."""

    def __init__(self, database: FleetDatabase) -> None:
        self._db = database
        database.make(TABLES)

    def add(self, job: Job, made: Plan) -> bool:
        """Keep a new job with its steps, all at once; tell whether it was new (by its id)."""
        row = (
            job.id, _text(job.order.plain()), _text(asdict(job.settings)), job.chosen_by,
            _text(sorted(job.include)), _text(sorted(job.not_ours)), _text(dict(job.site_sizes)), job.reason,
            job.by, job.made_ns, job.state, job.says, job.ended_ns, job.forgiven_ns, job.entry,
        )  # fmt: skip
        with self._db.changing() as conn:
            if conn.execute("SELECT 1 FROM jobs WHERE id = ?", (job.id,)).fetchall():
                return False
            conn.execute(f"INSERT INTO jobs VALUES ({', '.join('?' * len(row))})", row)
            conn.executemany(
                "INSERT INTO job_steps (job, n, terminal, site, life_critical, canary, state)"
                " VALUES (?, ?, ?, ?, ?, ?, 'waiting')",
                [
                    (job.id, n, one.terminal, one.site, int(one.life_critical), int(n < made.canaries))
                    for n, one in enumerate(made.chosen)
                ],
            )
            conn.executemany(
                "INSERT INTO job_left VALUES (?, ?, ?, ?, ?)",
                [(job.id, one.terminal, one.site, one.why, one.says) for one in made.left],
            )
            _note(conn, job.id, job.made_ns, "made", job.by, job.reason)
        return True

    def all(self, most: int = 200) -> list[Job]:
        """Return jobs, the latest first."""
        return [_job(row) for row in self._db.rows(f"{_JOB} ORDER BY made_ns DESC, id LIMIT ?", (most,))]

    def running(self) -> list[Job]:
        """Return the jobs that run, the oldest first."""
        return [_job(r) for r in self._db.rows(f"{_JOB} WHERE state = 'running' ORDER BY made_ns, id")]

    def open_count(self) -> int:
        """Return how many jobs have something left to do."""
        return int(self._db.rows("SELECT count(*) FROM jobs WHERE state <> 'done'")[0][0])

    def find(self, name: str) -> Job | None:
        """Return one job, or None."""
        rows = self._db.rows(f"{_JOB} WHERE id = ?", (name,))
        return _job(rows[0]) if rows else None

    def need(self, name: str) -> Job:
        """Return one job; raises BadInput."""
        found = self.find(name)
        if found is None:
            raise NoSuchJob(f"there is no job {name!r}", did_you_mean(name, [j.id for j in self.all()]))
        return found

    def steps(self, job: str) -> list[Record]:
        """Return a job's steps, in the order in which they are told."""
        return [_record(row) for row in self._db.rows(f"{_STEP} WHERE job = ? ORDER BY n", (job,))]

    def steps_of(self, terminal: str, most: int = 50) -> list[Record]:
        """Return what jobs did with a terminal, the latest first."""
        rows = self._db.rows(
            f"{_STEP} WHERE terminal = ? ORDER BY told_ns DESC, rowid DESC LIMIT ?", (terminal, most)
        )
        return [_record(row) for row in rows]

    def counts(self, job: str) -> dict[str, int]:
        """Return how many of a job's terminals stand how."""
        return dict(
            self._db.rows("SELECT state, count(*) FROM job_steps WHERE job = ? GROUP BY state", (job,))
        )

    def left(self, job: str) -> list[Left]:
        """Return those that were chosen and are not told."""
        rows = self._db.rows(
            "SELECT terminal, site, why, says FROM job_left WHERE job = ? ORDER BY why, terminal", (job,)
        )
        return [Left(terminal=r[0], site=r[1], why=r[2], says=r[3]) for r in rows]

    def events(self, job: str) -> list[Event]:
        """Return what was done with a job, oldest first."""
        rows = self._db.rows("SELECT at_ns, what, by, says FROM job_events WHERE job = ? ORDER BY n", (job,))
        return [Event(at_ns=r[0], what=r[1], by=r[2], says=r[3]) for r in rows]

    def put(self, record: Record) -> None:
        """Keep how a step stands; durable on return."""
        with self._db.changing() as conn:
            _put(conn, record)

    def put_after(self, was: Record, record: Record) -> bool:
        """Keep how a step stands unless somebody changed it since it ``was`` so; tell whether it is kept."""
        with self._db.changing() as conn:
            same = conn.execute(
                "SELECT 1 FROM job_steps WHERE job = ? AND terminal = ? AND state = ? AND told_ns IS ?"
                " AND settled_ns IS ?", (was.job, was.terminal, was.state, was.told_ns, was.settled_ns),
            ).fetchall()  # fmt: skip
            if same:
                _put(conn, record)
        return bool(same)

    def take_up(self, job: str) -> None:
        """Note which job is being done, "" for none."""
        with self._db.changing() as conn:
            conn.execute("INSERT OR REPLACE INTO job_now VALUES (1, ?)", (job,))

    def taken_up(self) -> str:
        """Return the job that is being done, or was when its openleo was killed; "" for none."""
        rows = self._db.rows("SELECT job FROM job_now")
        return str(rows[0][0]) if rows else ""

    def say(self, job: str, says: str) -> None:
        """Keep what a running job does now."""
        with self._db.changing() as conn:
            conn.execute("UPDATE jobs SET says = ? WHERE id = ? AND state = 'running'", (says, job))

    def end(self, job: str, state: str, *, by: str, says: str, now_ns: int) -> Job:
        """End a job: it is done, or stopped; raises JobEnded where it is over."""
        found = self.need(job)
        if found.state == "done" or (found.state == "stopped" and state == "stopped"):
            raise JobEnded(
                f"job {job} is {found.state} already", f"see it with: openleo fleet jobs show {job}"
            )
        with self._db.changing() as conn:
            conn.execute(
                "UPDATE jobs SET state = ?, says = ?, ended_ns = ? WHERE id = ?", (state, says, now_ns, job)
            )
            _note(conn, job, now_ns, state, by, says)
        return replace(found, state=state, says=says, ended_ns=now_ns)

    def resume(self, job: str, *, by: str, reason: str, now_ns: int) -> Job:
        """Let a stopped job go on; what went wrong until now stops it no more."""
        found = self.need(job)
        if found.state != "stopped":
            raise JobEnded(f"job {job} is {found.state}, not stopped", "only a stopped job can go on")
        with self._db.changing() as conn:
            conn.execute(
                "UPDATE jobs SET state = 'running', says = '', ended_ns = NULL, forgiven_ns = ? WHERE id = ?",
                (now_ns, job),
            )
            _note(conn, job, now_ns, "resumed", by, reason)
        return replace(found, state="running", says="", ended_ns=None, forgiven_ns=now_ns)


class NoSuchJob(BadInput):
    """There is no job of that name."""

    code = "not-found"


def _put(conn: Any, record: Record) -> None:
    conn.execute(
        "UPDATE job_steps SET state = ?, told_ns = ?, settled_ns = ?, answer = ?, before = ?, after = ?"
        " WHERE job = ? AND terminal = ?",
        (
            record.state, record.told_ns, record.settled_ns, record.answer, _seen_text(record.before),
            _seen_text(record.after), record.job, record.terminal,
        ),
    )  # fmt: skip


def _note(conn: Any, job: str, at_ns: int, what: str, by: str, says: str) -> None:
    conn.execute(
        "INSERT INTO job_events (job, at_ns, what, by, says) VALUES (?, ?, ?, ?, ?)",
        (job, at_ns, what, by, says),
    )


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _seen_text(seen: Seen | None) -> str | None:
    return None if seen is None else _text(seen.plain())


def _seen(text: str | None) -> Seen | None:
    return None if text is None else Seen.read(msgspec.json.decode(text))


def _job(row: Sequence[Any]) -> Job:
    order, settings, include, not_ours, sites = (msgspec.json.decode(row[n]) for n in (1, 2, 4, 5, 6))
    return Job(
        id=row[0], order=Order(**order), settings=Settings(**settings), chosen_by=row[3],
        include=frozenset(include), not_ours=frozenset(not_ours), site_sizes=sites, reason=row[7], by=row[8],
        made_ns=row[9], state=row[10], says=row[11], ended_ns=row[12], forgiven_ns=row[13], entry=row[14],
    )  # fmt: skip


def _record(row: Sequence[Any]) -> Record:
    return Record(
        terminal=row[0], site=row[1], life_critical=bool(row[2]), canary=bool(row[3]), state=row[4],
        told_ns=row[5], settled_ns=row[6], answer=row[7], before=_seen(row[8]), after=_seen(row[9]),
        job=row[10],
    )  # fmt: skip
