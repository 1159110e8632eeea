"""How to write openleo's command so that it can be typed again here."""

import shutil
import sys
from pathlib import Path


def program() -> str:
    """Return ``openleo``, or the path by which it was started where the shell would find no such command."""
    given = Path(sys.argv[0])
    if given.name != "openleo" or shutil.which("openleo") == shutil.which(sys.argv[0]):
        return "openleo"
    return str(given)
