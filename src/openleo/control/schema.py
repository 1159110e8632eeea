"""The tables of the control plane, in SQLAlchemy Core that SQLite and PostgreSQL both take.

A *decided* table (areas, accounts, plans, lines, lists, terminals, people, grants, requests) is changed by
`Fact`s alone, each written in the transaction of the log entry that decided it, so that the tables equal a
replay of the log.  The others (talk, claims, custody, tokens, reads, idempotency) are records, not decisions.

Values are such that JSON holds them as they are: instants are text in UTC (`Utc`), keys and cells base64.
Each table that a person can change carries ``version``, which counts its changes.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from openleo.base.instants import instant_text, read_instant


class Utc(TypeDecorator[datetime]):
    """An aware instant, kept as text such as 2022-10-07T17:30:00.000000Z, which sorts as time does."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | str | None, dialect: Dialect) -> str | None:
        """Return the text of an instant; text that is one already stays."""
        return instant_text(value) if isinstance(value, datetime) else value

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Return the instant, aware, in UTC."""
        return None if value is None else read_instant(value).astimezone(UTC)


NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)
ID = String(64)


def _versioned(name: str, *columns: Any) -> Table:
    return Table(
        name, metadata, Column("id", ID, primary_key=True), *columns,
        Column("version", Integer, nullable=False, server_default="1"),
    )  # fmt: skip


meta = Table("meta", metadata, Column("name", ID, primary_key=True), Column("value", Text, nullable=False))

# Decided tables -------------------------------------------------------------------------------------------

people = _versioned(
    "people",
    Column("human", ID, nullable=False),  # one human may have several accounts; two people means two humans
    Column("public_key", String(44)),  # Ed25519, base64: signs proposals and approvals
    Column("active", Boolean, nullable=False, server_default="1"),
)
grants = _versioned(
    "grants",
    Column("person_id", ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("role", String(32), nullable=False),
    Column("area_id", ID, ForeignKey("areas.id")),  # None: the whole network
    Column("granted_by", ID),
    Column("approved_by", ID),
    Column("active", Boolean, nullable=False, server_default="1"),
    CheckConstraint("approved_by <> granted_by", name="two_people"),
)
areas = _versioned(
    "areas",
    Column("parent_id", ID, ForeignKey("areas.id"), index=True),
    Column("kind", String(10), nullable=False),  # simulated, advisory, enforced
    Column("title", Text, nullable=False, server_default=""),
    Column("switch", String(8), nullable=False),  # on, off, inherit
    Column("cells", Text, nullable=False),  # see ground.packed_cells
    Column("cell_count", Integer, nullable=False),
    Column("country", String(2)),
    Column("except_accounts", JSON, nullable=False),
    Column("cut_terminals", JSON, nullable=False),  # life-critical ones that an off does not spare
    Column("valid_from_slot", BigInteger),
    Column("valid_until_slot", BigInteger),
    Column("vendor", String(12)),  # advisory: decided, sent, acknowledged, observed
    Column("wanted", String(8)),  # advisory: the switch that was decided
    Column("emergency", ID),  # the request whose off waits to be confirmed
    Column("active", Boolean, nullable=False, server_default="1"),
)
accounts = _versioned(
    "accounts",
    Column("title", Text, nullable=False, server_default=""),
    Column("status", String(10), nullable=False),  # active, disabled, closed
    Column("reason", Text, nullable=False, server_default=""),
    Column("cut_terminals", JSON, nullable=False),  # life-critical ones that a disabling does not spare
)
plans = _versioned(
    "plans",
    Column("title", Text, nullable=False, server_default=""),
    Column("max_speed_kmh", Float),
    Column("ocean", Boolean, nullable=False, server_default="1"),
    Column("roaming", JSON),  # None: anywhere; a list of countries; []: only the address's country
    Column("flyover_kmh", Float),
    Column("flyover_countries", JSON),
    Column("max_distance_km", Float),
    Column("active", Boolean, nullable=False, server_default="1"),
)
lines = _versioned(
    "lines",
    Column("account_id", ID, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("plan_id", ID, ForeignKey("plans.id")),
    Column("country", String(2)),
    Column("latitude_deg", Float),
    Column("longitude_deg", Float),
    Column("status", String(10), nullable=False),  # active, paused, overage, closed
)
lists = _versioned(
    "lists",
    Column("kind", String(8), nullable=False),  # allow, block
    Column("country", String(2)),  # allow: those not listed are not served there
    Column("accounts", JSON, nullable=False),
    Column("terminals", JSON, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("active", Boolean, nullable=False, server_default="1"),
)
terminals = _versioned(
    "terminals",
    Column("serial", String(64), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("account_id", ID, ForeignKey("accounts.id"), index=True),
    Column("line_id", ID, ForeignKey("lines.id"), index=True),
    Column("area_id", ID, ForeignKey("areas.id"), index=True),  # whose people may act on it
    Column("batch", ID, index=True),
    # stocked, shipped, received, active, suspended, held, revoked, captured
    Column("state", String(12), nullable=False, index=True),
    Column("holder", Text, nullable=False, server_default=""),
    Column("life_critical", Boolean, nullable=False, server_default="0"),
    Column("name", Text, nullable=False, server_default=""),  # for life-critical ones: who depends on it
    Column("public_key", String(44)),
    Column("quarantined_since", Utc),
    # Where it was last known to be, as signed H3 numbers: resolution 7 for operations, and 5, which areas are
    # made of.  The one does not give the other: in H3 children reach beyond their parents.
    Column("cell", BigInteger),
    Column("service_cell", BigInteger),
)
requests = _versioned(
    "requests",
    Column("area_id", ID, ForeignKey("areas.id"), nullable=False, index=True),
    Column("area_version", Integer, nullable=False),
    Column("switch", String(8), nullable=False),  # on, off; "as-is" where only the definition is to change
    Column("changes", JSON, nullable=False),  # what else is to change in the area's definition
    Column("state", String(12), nullable=False, index=True),
    Column("emergency", Boolean, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("asked_by", ID, ForeignKey("people.id"), nullable=False),
    Column("asked_human", ID, nullable=False),
    Column("asked_at", Utc, nullable=False),
    Column("proposed_by", ID, ForeignKey("people.id")),
    Column("proposed_human", ID),
    Column("proposed_at", Utc),
    Column("proposal", Text),  # the exact bytes that the proposer signed, and the approver signs too
    Column("approved_by", ID, ForeignKey("people.id")),
    Column("approved_human", ID),
    Column("closed_at", Utc),
    Column("answer", Text, nullable=False, server_default=""),  # the reason of a refusal or withdrawal
    Column("effective_slot", BigInteger),
    Column("include", JSON, nullable=False),  # life-critical terminals that both people named
    Column("signatures", JSON, nullable=False),
    CheckConstraint("approved_human <> proposed_human", name="two_people"),
)

# The log --------------------------------------------------------------------------------------------------

entries = Table(
    "entries",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary, nullable=False),  # the public bytes, exactly as hashed
    Column("kind", String(32), nullable=False, index=True),
    Column("area_id", ID, index=True),
    Column("account_id", ID),
    Column("person_id", ID),
    Column("decided_at", Utc, nullable=False, index=True),
    Column("embargo_until", Utc),
)
entry_fields = Table(  # erasable: without its salt a commitment tells nothing
    "entry_fields",
    metadata,
    Column("index", BigInteger, ForeignKey("entries.index"), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("salt", LargeBinary),
    Column("value", Text),  # JSON; None where the field is absent, or erased with its salt
)
nodes = Table(  # RFC 6962 hashes of whole subtrees, so that proofs need no recomputing
    "nodes",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)
facts = Table(
    "facts",
    metadata,
    Column("index", BigInteger, ForeignKey("entries.index"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("noun", String(12), nullable=False),
    Column("subject", ID, nullable=False),
    Column("slot", BigInteger),  # the first slot in which it acts; None for what is no rule
    Column("changes", JSON, nullable=False),
    Index("ix_facts_noun_subject", "noun", "subject"),
)

# Records that are no decisions ----------------------------------------------------------------------------

tokens = Table(
    "tokens",
    metadata,
    Column("id", ID, primary_key=True),
    Column("person_id", ID, ForeignKey("people.id"), nullable=False, index=True),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of 256 random bits
    Column("label", Text, nullable=False, server_default=""),
    Column("made_at", Utc, nullable=False),
    Column("expires_at", Utc),
    Column("revoked_at", Utc),
)
passwords = Table(  # apart from people, so that no reader of decisions sees a hash
    "passwords",
    metadata,
    Column("person_id", ID, ForeignKey("people.id"), primary_key=True),
    Column("hash", Text, nullable=False),  # argon2id
    Column("set_at", Utc, nullable=False),
)
claims = _versioned(
    "claims",
    Column("said_by", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("said_on", String(10), nullable=False),  # a date: what outsiders say seldom has an hour
    Column("status", String(12), nullable=False),  # asserted, denied, corroborated
    Column("area_id", ID, ForeignKey("areas.id"), index=True),
    Column("about_entry", BigInteger, ForeignKey("entries.index")),
    Column("recorded_by", ID, ForeignKey("people.id"), nullable=False),
    Column("recorded_at", Utc, nullable=False),
)
claim_turns = Table(
    "claim_turns",
    metadata,
    Column("claim_id", ID, ForeignKey("claims.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("status", String(12), nullable=False),
    Column("by", ID, nullable=False),
    Column("at", Utc, nullable=False),
    Column("note", Text, nullable=False),
    Column("source", Text, nullable=False),
)
talk = Table(  # reviews and remarks on a request
    "talk",
    metadata,
    Column("request_id", ID, ForeignKey("requests.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("by", ID, nullable=False),
    Column("at", Utc, nullable=False),
    Column("text", Text, nullable=False),
)
batches = Table(
    "batches",
    metadata,
    Column("id", ID, primary_key=True),
    Column("account_id", ID, ForeignKey("accounts.id")),
    Column("made_by", ID, nullable=False),
    Column("made_at", Utc, nullable=False),
    Column("source", Text, nullable=False),  # name and SHA-256 of the file it came from
)
custody = Table(
    "custody",
    metadata,
    Column("terminal_id", ID, ForeignKey("terminals.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("event", String(12), nullable=False),  # stocked, shipped, received, handed, lost, found, captured
    Column("holder", Text, nullable=False),
    Column("by", ID, nullable=False),
    Column("at", Utc, nullable=False),
    Column("note", Text, nullable=False),
)
claim_codes = Table(  # one-time codes with which a terminal's agent enrols its key
    "claim_codes",
    metadata,
    Column("id", ID, primary_key=True),  # the code's first half, which finds it
    Column("terminal_id", ID, ForeignKey("terminals.id"), nullable=False, index=True),
    Column("hash", Text, nullable=False),  # argon2 of the second half
    Column("made_by", ID, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("used_at", Utc),
    Column("offered_key", String(44)),  # waits for an operator to accept it
)
check_ins = Table(  # the latest signed word of each boot of a terminal
    "check_ins",
    metadata,
    Column("terminal_id", ID, ForeignKey("terminals.id"), primary_key=True),
    Column("boot", ID, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("first_at", Utc, nullable=False),
    Column("last_at", Utc, nullable=False),
    Column("interleaved", Integer, nullable=False, server_default="0"),
)
positions = Table(  # exact positions: reading one is recorded in `reads`
    "positions",
    metadata,
    Column("terminal_id", ID, ForeignKey("terminals.id"), primary_key=True),
    Column("at", Utc, nullable=False),
    Column("latitude_deg", Float, nullable=False),
    Column("longitude_deg", Float, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("state", String(8), nullable=False, server_default="in_area"),  # in_area, suspect
    Column("since", Utc),
)
reads = Table(
    "reads",
    metadata,
    Column("n", Integer, primary_key=True, autoincrement=True),
    Column("person_id", ID, nullable=False),
    Column("terminal_id", ID, nullable=False, index=True),
    Column("at", Utc, nullable=False),
    Column("why", Text, nullable=False),
)
incidents = Table(
    "incidents",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(24), nullable=False),  # gnss-spoofing, clone
    Column("key", String(128), nullable=False),
    Column("from_at", Utc, nullable=False),
    Column("until_at", Utc, nullable=False),
    Column("details", JSON, nullable=False),
    UniqueConstraint("kind", "key"),
)
idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("person_id", ID, primary_key=True),
    Column("digest", String(64), nullable=False),  # SHA-256 of method, path and body
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Utc, nullable=False),
)

DECIDED: dict[str, Table] = {
    "person": people,
    "grant": grants,
    "area": areas,
    "account": accounts,
    "plan": plans,
    "line": lines,
    "list": lists,
    "terminal": terminals,
    "request": requests,
}
