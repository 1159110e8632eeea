"""The fleet as one table: how each terminal stands, why, since when, what it runs and uses, who has it."""
