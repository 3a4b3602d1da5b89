"""``opt completion``."""

from __future__ import annotations

import json

import click

from opt_tool.cli.command import OptCommand

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_OPT_COMPLETE"
"""The variable through which click is asked for completions; its name follows from ``opt``."""

EXAMPLE = """\
opt completion bash >> ~/.bashrc
opt completion zsh >> ~/.zshrc
opt completion fish > ~/.config/fish/completions/opt.fish"""


@click.command("completion", cls=OptCommand, example=EXAMPLE)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(
    ctx: click.Context,
    /,
    shell: str,
    as_json: bool,
    quiet: bool,  # noqa: ARG001
    debug: bool,  # noqa: ARG001
) -> None:
    """Print what SHELL needs to complete commands and options."""
    from click.shell_completion import get_completion_class

    completion = get_completion_class(shell)
    assert completion is not None, "click knows all of SHELLS"
    script = completion(ctx.find_root().command, {}, "opt", VARIABLE)
    text = script.source_template % script.source_vars()
    click.echo(json.dumps({"shell": shell, "script": text}, indent=2) if as_json else text)
