"""Runs as folders: writing, opening, asking, summing up, explaining."""
