"""The control plane: who decides what, and the log that lets anyone check it."""
