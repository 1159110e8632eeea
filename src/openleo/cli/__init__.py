"""The `openleo` command: one module here for each of its commands."""

from openleo.cli._main import main

__all__ = ["main"]
