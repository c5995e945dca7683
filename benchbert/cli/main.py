"""The group of all verbs, and how they end."""

from __future__ import annotations

import sys

import click

from benchbert.cli import looking, predictions, reading, running
from benchbert.errors import BenchbertError

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="benchbert")
def cli() -> None:
    """Which compact BERT should I ship? Accuracy, latency, memory and the cost of distillation, on this machine."""


for _verb in (*running.VERBS, *looking.VERBS, *reading.VERBS, *predictions.VERBS):
    cli.add_command(_verb)


def main() -> None:
    """Entry point: what a user can mend is one clear line and an exit code, never a traceback."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        click.echo("stopped; the same command goes on from here", err=True)
        code = 130
    except BenchbertError as error:
        click.echo(f"error: {error}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has gone; closing stdout must not complain once more.
        sys.stderr.close()
        code = 141
    sys.exit(code if isinstance(code, int) else 0)
