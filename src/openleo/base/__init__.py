"""What every room may use: errors, constants, the slot clock, hashes, compilation."""
