"""A live measuring process: `python -m benchbert.worker`, spoken to in JSON lines through `benchbert.worker.client`.

This file imports nothing: the first rung of the memory ladder is the interpreter alone.
"""
