"""Versions of the control database, by Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

_HERE = Path(__file__).parent


def config(engine: Engine | None = None) -> Config:
    """Return Alembic's configuration for these migrations, on a database."""
    made = Config()
    made.set_main_option("script_location", str(_HERE))
    made.attributes["engine"] = engine
    return made


def upgrade(engine: Engine) -> None:
    """Bring a database to the newest version."""
    command.upgrade(config(engine), "head")
