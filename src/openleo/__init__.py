"""openleo: an open low-Earth-orbit satellite-internet system."""

__version__ = "0.1.0"
