"""The first version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("cut_terminals", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "areas",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("parent_id", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("switch", sa.String(length=8), nullable=False),
        sa.Column("cells", sa.Text(), nullable=False),
        sa.Column("cell_count", sa.Integer(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("except_accounts", sa.JSON(), nullable=False),
        sa.Column("cut_terminals", sa.JSON(), nullable=False),
        sa.Column("valid_from_slot", sa.BigInteger(), nullable=True),
        sa.Column("valid_until_slot", sa.BigInteger(), nullable=True),
        sa.Column("vendor", sa.String(length=12), nullable=True),
        sa.Column("wanted", sa.String(length=8), nullable=True),
        sa.Column("emergency", sa.String(length=64), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["areas.id"], name=op.f("fk_areas_parent_id_areas")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_areas")),
    )
    op.create_index(op.f("ix_areas_parent_id"), "areas", ["parent_id"], unique=False)
    op.create_table(
        "entries",
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("area_id", sa.String(length=64), nullable=True),
        sa.Column("account_id", sa.String(length=64), nullable=True),
        sa.Column("person_id", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.String(length=27), nullable=False),
        sa.Column("embargo_until", sa.String(length=27), nullable=True),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_entries")),
    )
    op.create_index(op.f("ix_entries_area_id"), "entries", ["area_id"], unique=False)
    op.create_index(op.f("ix_entries_decided_at"), "entries", ["decided_at"], unique=False)
    op.create_index(op.f("ix_entries_kind"), "entries", ["kind"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("key", "person_id", name=op.f("pk_idempotency")),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("from_at", sa.String(length=27), nullable=False),
        sa.Column("until_at", sa.String(length=27), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_incidents_kind")),
    )
    op.create_table(
        "lists",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("accounts", sa.JSON(), nullable=False),
        sa.Column("terminals", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lists")),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_meta")),
    )
    op.create_table(
        "nodes",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("pk_nodes")),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("human", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.String(length=44), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    op.create_table(
        "plans",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("max_speed_kmh", sa.Float(), nullable=True),
        sa.Column("ocean", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("roaming", sa.JSON(), nullable=True),
        sa.Column("flyover_kmh", sa.Float(), nullable=True),
        sa.Column("flyover_countries", sa.JSON(), nullable=True),
        sa.Column("max_distance_km", sa.Float(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
    )
    op.create_table(
        "reads",
        sa.Column("n", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("terminal_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_reads")),
    )
    op.create_index(op.f("ix_reads_terminal_id"), "reads", ["terminal_id"], unique=False)
    op.create_table(
        "batches",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=True),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.String(length=27), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_batches_account_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_table(
        "claims",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("said_on", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("area_id", sa.String(length=64), nullable=True),
        sa.Column("about_entry", sa.BigInteger(), nullable=True),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", sa.String(length=27), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["about_entry"], ["entries.index"], name=op.f("fk_claims_about_entry_entries")
        ),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_claims_area_id_areas")),
        sa.ForeignKeyConstraint(["recorded_by"], ["people.id"], name=op.f("fk_claims_recorded_by_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
    )
    op.create_index(op.f("ix_claims_area_id"), "claims", ["area_id"], unique=False)
    op.create_table(
        "entry_fields",
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("value", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["index"], ["entries.index"], name=op.f("fk_entry_fields_index_entries")),
        sa.PrimaryKeyConstraint("index", "name", name=op.f("pk_entry_fields")),
    )
    op.create_table(
        "facts",
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("noun", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=True),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["index"], ["entries.index"], name=op.f("fk_facts_index_entries")),
        sa.PrimaryKeyConstraint("index", "n", name=op.f("pk_facts")),
    )
    op.create_index("ix_facts_noun_subject", "facts", ["noun", "subject"], unique=False)
    op.create_table(
        "grants",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("area_id", sa.String(length=64), nullable=True),
        sa.Column("granted_by", sa.String(length=64), nullable=True),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("approved_by <> granted_by", name=op.f("ck_grants_two_people")),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_grants_area_id_areas")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_grants_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    op.create_index(op.f("ix_grants_person_id"), "grants", ["person_id"], unique=False)
    op.create_table(
        "lines",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("plan_id", sa.String(length=64), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("latitude_deg", sa.Float(), nullable=True),
        sa.Column("longitude_deg", sa.Float(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_lines_account_id_accounts")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_lines_plan_id_plans")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lines")),
    )
    op.create_index(op.f("ix_lines_account_id"), "lines", ["account_id"], unique=False)
    op.create_table(
        "passwords",
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("set_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_passwords_person_id_people")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_passwords")),
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("area_id", sa.String(length=64), nullable=False),
        sa.Column("area_version", sa.Integer(), nullable=False),
        sa.Column("switch", sa.String(length=8), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("emergency", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_human", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.String(length=27), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=True),
        sa.Column("proposed_human", sa.String(length=64), nullable=True),
        sa.Column("proposed_at", sa.String(length=27), nullable=True),
        sa.Column("proposal", sa.Text(), nullable=True),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("approved_human", sa.String(length=64), nullable=True),
        sa.Column("closed_at", sa.String(length=27), nullable=True),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("effective_slot", sa.BigInteger(), nullable=True),
        sa.Column("include", sa.JSON(), nullable=False),
        sa.Column("signatures", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("approved_human <> proposed_human", name=op.f("ck_requests_two_people")),
        sa.ForeignKeyConstraint(["approved_by"], ["people.id"], name=op.f("fk_requests_approved_by_people")),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_requests_area_id_areas")),
        sa.ForeignKeyConstraint(["asked_by"], ["people.id"], name=op.f("fk_requests_asked_by_people")),
        sa.ForeignKeyConstraint(["proposed_by"], ["people.id"], name=op.f("fk_requests_proposed_by_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_index(op.f("ix_requests_area_id"), "requests", ["area_id"], unique=False)
    op.create_index(op.f("ix_requests_state"), "requests", ["state"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("made_at", sa.String(length=27), nullable=False),
        sa.Column("expires_at", sa.String(length=27), nullable=True),
        sa.Column("revoked_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_tokens_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_tokens_hash")),
    )
    op.create_index(op.f("ix_tokens_person_id"), "tokens", ["person_id"], unique=False)
    op.create_table(
        "claim_turns",
        sa.Column("claim_id", sa.String(length=64), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name=op.f("fk_claim_turns_claim_id_claims")),
        sa.PrimaryKeyConstraint("claim_id", "n", name=op.f("pk_claim_turns")),
    )
    op.create_table(
        "talk",
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_talk_request_id_requests")),
        sa.PrimaryKeyConstraint("request_id", "n", name=op.f("pk_talk")),
    )
    op.create_table(
        "terminals",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=True),
        sa.Column("line_id", sa.String(length=64), nullable=True),
        sa.Column("area_id", sa.String(length=64), nullable=True),
        sa.Column("batch", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("holder", sa.Text(), server_default="", nullable=False),
        sa.Column("life_critical", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("public_key", sa.String(length=44), nullable=True),
        sa.Column("quarantined_since", sa.String(length=27), nullable=True),
        sa.Column("cell", sa.BigInteger(), nullable=True),
        sa.Column("service_cell", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_terminals_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_terminals_area_id_areas")),
        sa.ForeignKeyConstraint(["line_id"], ["lines.id"], name=op.f("fk_terminals_line_id_lines")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terminals")),
        sa.UniqueConstraint("serial", name=op.f("uq_terminals_serial")),
    )
    op.create_index(op.f("ix_terminals_account_id"), "terminals", ["account_id"], unique=False)
    op.create_index(op.f("ix_terminals_area_id"), "terminals", ["area_id"], unique=False)
    op.create_index(op.f("ix_terminals_batch"), "terminals", ["batch"], unique=False)
    op.create_index(op.f("ix_terminals_line_id"), "terminals", ["line_id"], unique=False)
    op.create_index(op.f("ix_terminals_state"), "terminals", ["state"], unique=False)
    op.create_table(
        "check_ins",
        sa.Column("terminal_id", sa.String(length=64), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.String(length=27), nullable=False),
        sa.Column("last_at", sa.String(length=27), nullable=False),
        sa.Column("interleaved", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.id"], name=op.f("fk_check_ins_terminal_id_terminals")
        ),
        sa.PrimaryKeyConstraint("terminal_id", "boot", name=op.f("pk_check_ins")),
    )
    op.create_table(
        "claim_codes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("terminal_id", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.String(length=27), nullable=False),
        sa.Column("used_at", sa.String(length=27), nullable=True),
        sa.Column("offered_key", sa.String(length=44), nullable=True),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.id"], name=op.f("fk_claim_codes_terminal_id_terminals")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_codes")),
    )
    op.create_index(op.f("ix_claim_codes_terminal_id"), "claim_codes", ["terminal_id"], unique=False)
    op.create_table(
        "custody",
        sa.Column("terminal_id", sa.String(length=64), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=12), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.id"], name=op.f("fk_custody_terminal_id_terminals")
        ),
        sa.PrimaryKeyConstraint("terminal_id", "n", name=op.f("pk_custody")),
    )
    op.create_table(
        "positions",
        sa.Column("terminal_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("latitude_deg", sa.Float(), nullable=False),
        sa.Column("longitude_deg", sa.Float(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=8), server_default="in_area", nullable=False),
        sa.Column("since", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.id"], name=op.f("fk_positions_terminal_id_terminals")
        ),
        sa.PrimaryKeyConstraint("terminal_id", name=op.f("pk_positions")),
    )


def downgrade() -> None:
    op.drop_table("positions")
    op.drop_table("custody")
    op.drop_index(op.f("ix_claim_codes_terminal_id"), table_name="claim_codes")
    op.drop_table("claim_codes")
    op.drop_table("check_ins")
    op.drop_index(op.f("ix_terminals_state"), table_name="terminals")
    op.drop_index(op.f("ix_terminals_line_id"), table_name="terminals")
    op.drop_index(op.f("ix_terminals_batch"), table_name="terminals")
    op.drop_index(op.f("ix_terminals_area_id"), table_name="terminals")
    op.drop_index(op.f("ix_terminals_account_id"), table_name="terminals")
    op.drop_table("terminals")
    op.drop_table("talk")
    op.drop_table("claim_turns")
    op.drop_index(op.f("ix_tokens_person_id"), table_name="tokens")
    op.drop_table("tokens")
    op.drop_index(op.f("ix_requests_state"), table_name="requests")
    op.drop_index(op.f("ix_requests_area_id"), table_name="requests")
    op.drop_table("requests")
    op.drop_table("passwords")
    op.drop_index(op.f("ix_lines_account_id"), table_name="lines")
    op.drop_table("lines")
    op.drop_index(op.f("ix_grants_person_id"), table_name="grants")
    op.drop_table("grants")
    op.drop_index("ix_facts_noun_subject", table_name="facts")
    op.drop_table("facts")
    op.drop_table("entry_fields")
    op.drop_index(op.f("ix_claims_area_id"), table_name="claims")
    op.drop_table("claims")
    op.drop_table("batches")
    op.drop_index(op.f("ix_reads_terminal_id"), table_name="reads")
    op.drop_table("reads")
    op.drop_table("plans")
    op.drop_table("people")
    op.drop_table("nodes")
    op.drop_table("meta")
    op.drop_table("lists")
    op.drop_table("incidents")
    op.drop_table("idempotency")
    op.drop_index(op.f("ix_entries_kind"), table_name="entries")
    op.drop_index(op.f("ix_entries_decided_at"), table_name="entries")
    op.drop_index(op.f("ix_entries_area_id"), table_name="entries")
    op.drop_table("entries")
    op.drop_index(op.f("ix_areas_parent_id"), table_name="areas")
    op.drop_table("areas")
    op.drop_table("accounts")
