"""The command line: each verb a few lines that call the package, which is imported only when a verb needs it."""

from benchbert.cli.main import cli, main

__all__ = ["cli", "main"]
