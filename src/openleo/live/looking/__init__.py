"""Answers about a run as pages show them: plain data, in the edge's units, by slot."""

from openleo.live.looking.words import group_of

__all__ = ["group_of"]
