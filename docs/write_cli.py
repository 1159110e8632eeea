"""Write docs/cli.md: what every command says of itself.  `make docs` runs this; a test compares."""

from pathlib import Path

import click

from openleo.cli._group import cli

PAGE = Path(__file__).with_name("cli.md")
HEAD = """\
# The commands

Every command answers `--help`; this page is that help, all of it. It is written by `make docs`.

What holds for all of them:

- An error is two lines on standard error, `error:` with what is wrong and `hint:` with what to do next.
- Exit codes: 0 done, 1 an error you can mend, 2 wrong usage, 130 interrupted.
- Results go to standard output; progress, `warning:` lines and errors go to standard error.
"""
WIDTH = 80


def sections(command: click.Command, name: str, parent: click.Context | None = None) -> list[str]:
    """Return the section of one command, then those of its subcommands."""
    settings = {"terminal_width": WIDTH, "max_content_width": WIDTH, **command.context_settings}
    ctx = click.Context(command, info_name=name, parent=parent, **settings)
    level = "##" if parent is None or parent.parent is None else "###"
    found = [f"{level} {ctx.command_path}\n\n```text\n$ {ctx.command_path} --help\n{ctx.get_help()}\n```\n"]
    if isinstance(command, click.Group):
        for child in command.list_commands(ctx):
            subcommand = command.get_command(ctx, child)
            assert subcommand is not None, f"{ctx.command_path} lists {child} and does not have it"
            found += sections(subcommand, child, ctx)
    return found


def text() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *sections(cli, "openleo")])


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
    print(f"wrote {PAGE.name}")
