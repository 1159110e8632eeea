"""The `openleo` command."""


def main() -> None:
    """Run the command line."""
