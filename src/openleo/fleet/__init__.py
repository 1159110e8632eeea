"""Fleets of terminals, real and modelled: telemetry taken in, kept, asked, and what it says of each."""
