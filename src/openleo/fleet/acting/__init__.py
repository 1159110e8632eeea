"""Telling dishes what to do: what may be told, whom it would strand, and jobs over many dishes."""
