"""Element sets in, Walker shells, propagation and frames; the ground is not known here."""
