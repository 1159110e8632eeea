"""How to write openleo's command so that it can be typed again here."""

import shlex
import shutil
import sys
from pathlib import Path


def program() -> str:
    """Return ``openleo``, or the path by which it was started where the shell would find no such command."""
    given = Path(sys.argv[0])
    if given.name != "openleo" or shutil.which("openleo") == shutil.which(sys.argv[0]):
        return "openleo"
    return str(given)


def command(*words: object) -> str:
    """Return openleo's command with its words, each one word to a shell: a path may have blanks and a $."""
    return shlex.join([program(), *map(str, words)])
