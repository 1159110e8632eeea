"""The kernels of a network: who sees whom, who serves whom, over which way.  Knows no scenarios, no files."""
