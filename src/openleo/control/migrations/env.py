"""What Alembic runs: the migrations, on the engine that it was given."""

from typing import Any, Literal

from alembic import context

from openleo.control.schema import Utc, metadata


def _render(kind: str, value: object, _context: Any) -> str | Literal[False]:
    """Write our own types as what they are in the database: a migration outlives our names."""
    return "sa.String(length=27)" if kind == "type" and isinstance(value, Utc) else False


_engine = context.config.attributes["engine"]
with _engine.begin() as _connection:
    context.configure(connection=_connection, target_metadata=metadata, render_item=_render)
    with context.begin_transaction():
        context.run_migrations()
