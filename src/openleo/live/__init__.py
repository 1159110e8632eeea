"""A network that runs by the clock: its engine, its newest slots, its clock, and who starts them again."""
