"""`openleo scenarios`: what comes with openleo to run, and its files to start from."""

from importlib.resources import files

import click

from openleo.base.errors import BadInput, did_you_mean
from openleo.cli._group import Group
from openleo.scenario import builtin_names, load_scenario


@click.group("scenarios", cls=Group, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the built-in scenarios, or show one."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@command.command("list")
def list_() -> None:
    """List the built-in scenarios: what each is about, and how to run it."""
    for name in builtin_names():
        scenario = load_scenario(name)
        click.echo(f"{name}  {scenario.title}".rstrip())
        if scenario.summary:
            click.echo(click.wrap_text(scenario.summary, 78, "  ", "  ", preserve_paragraphs=True))
        click.echo(f"  openleo run {name}\n")
    click.echo("Start one of your own from one of these: openleo scenarios show NAME > mine.toml")


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Print the file of built-in scenario NAME, to read or to start your own from."""
    if name not in builtin_names():
        raise BadInput(f"there is no built-in scenario {name!r}", did_you_mean(name, builtin_names()))
    text = (files("openleo.scenario") / "builtin" / f"{name}.toml").read_text(encoding="utf-8")
    click.echo(text, nl=not text.endswith("\n"))
