"""The types of what an engine says about a slot: causes, tables, the dtype registry.  Imports no numba."""
