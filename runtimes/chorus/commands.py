"""How the command line speaks: help in its order, a refusal in one line."""

import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from chorus.errors import Failed, UsageError
from chorus_weights.errors import WeightsError


class Commands(TyperGroup):
    """Commands in the order of their registration; alone it shows its help.

    A wrong word and UsageError end it with exit code 2, Failed and WeightsError with 1, and each
    with one line that says what to do.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take no word for a question after all of them."""
        return super().parse_args(ctx, args or ["--help"])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command, and end the process with its exit code."""
        run = partial(super().main, args, prog_name, complete_var, False, windows_expand_args)
        if not standalone_mode:
            return run(**extra)
        try:
            code = run(**extra)
        except TyperException as error:
            _end(_with_help(error), error.exit_code)
        except UsageError as error:
            _end(str(error), 2)
        except (Failed, WeightsError) as error:
            _end(str(error), 1)
        except typer.Abort:
            sys.exit(1)
        sys.exit(code)


def _with_help(error: TyperException) -> str:
    """The refusal of a word of the command line, and where the right ones are."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    if context is not None:
        see = f"`{context.command_path} --help`"
        message += f" See {see}" if message.endswith("?") else f"; see {see}"
    return message[:1].lower() + message[1:]


def _end(reason: str, code: int) -> NoReturn:
    typer.echo(f"chorus: {reason}", err=True)
    sys.exit(code)
