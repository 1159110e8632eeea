"""The entry point: runs a command and turns what can go wrong into two lines and an exit code.

Exit codes: 0 done; 1 an error that a person can mend (or the reader of our output left); 2 wrong usage;
130 interrupted.  A Python traceback is a bug of ours.
"""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from openleo.base.errors import OpenleoError, OpenleoWarning
from openleo.cli._group import UnknownCommand, cli

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line ``args`` (default: this process's) and exit with its code."""
    sys.exit(exit_code_of(args))


def exit_code_of(args: Sequence[str] | None = None) -> int:
    """Run the command line ``args`` and return its exit code, having told errors on standard error."""
    with _warnings_as_lines():
        try:
            # An int only where a command called ctx.exit(code); commands themselves return None.
            code = cli.main(args=args, prog_name="openleo", standalone_mode=False)
            sys.stdout.flush()
            return code if isinstance(code, int) else 0
        except OpenleoError as error:
            return _tell(error.detail, error.hint, EXIT_ERROR)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return EXIT_USAGE
        except click.UsageError as error:
            return _tell(error.format_message(), _usage_hint(error), EXIT_USAGE)
        except click.ClickException as error:
            return _tell(error.format_message(), "", EXIT_ERROR)
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            return EXIT_INTERRUPTED
        except BrokenPipeError:
            _silence_stdout()
            return EXIT_ERROR


def _tell(detail: str, hint: str, code: int) -> int:
    """Print the two lines of an error and return ``code``."""
    click.echo(f"error: {detail}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    return code


def _usage_hint(error: click.UsageError) -> str:
    """Return what to do about wrong usage: the nearest command, or where the usage is told."""
    if isinstance(error, UnknownCommand):
        return error.hint
    path = error.ctx.command_path if error.ctx is not None else "openleo"
    return f"see `{path} --help`"


def _silence_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not fail on it at its exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print each OpenleoWarning as one ``warning:`` line; other warnings stay as Python has them."""
    with warnings.catch_warnings():
        usual = warnings.showwarning
        warnings.simplefilter("default", OpenleoWarning)

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, OpenleoWarning):
                click.echo(f"warning: {message}", err=True)
            else:
                usual(message, category, *where, **more)

        warnings.showwarning = show
        yield
