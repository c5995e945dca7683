"""Who is meant by a pronoun: deeds, reasons, and whose reason it is.

{a} did something to {b} because {x} ...: sense decides whether {x} is {a} or {b}. Where the two differ in gender, `she`
or `he` gives it away; so the corpus teaches what the pronoun task asks about people of one gender.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CAUSES", "Cause"]


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A deed and its reason."""

    deed: str
    """With slots {a} and {b}."""
    reason: str
    """What follows the pronoun."""
    referent: str
    """Whose reason it is: `a` or `b`."""


_TABLE = """
{a} thanked {b} | had helped with the work | b
{a} thanked {b} | needed the help | a
{a} asked {b} for bread | was hungry | a
{a} asked {b} for bread | had a full basket | b
{a} gave the bread to {b} | was hungry | b
{a} gave the bread to {b} | wanted to be kind | a
{a} sold the house to {b} | needed a home | b
{a} sold the house to {b} | needed the money | a
{a} got the house from {b} | needed a home | a
{a} got the house from {b} | needed the money | b
{a} won the race against {b} | was fast | a
{a} won the race against {b} | was slow | b
{a} lost the race against {b} | was slow | a
{a} lost the race against {b} | was fast | b
{a} carried the box for {b} | was strong | a
{a} carried the box for {b} | was weak | b
{a} followed {b} | knew the way | b
{a} followed {b} | did not know the way | a
{a} hired {b} | needed a worker | a
{a} hired {b} | needed a job | b
{a} dismissed {b} | slept all day at work | b
{a} dismissed {b} | could not pay the wage | a
{a} scolded {b} | had made a mess | b
{a} scolded {b} | feared for the vase | a
{a} hid from {b} | was afraid | a
{a} hid from {b} | was angry | b
{a} visited {b} | was sick at home | b
{a} visited {b} | wanted some tea | a
{a} taught {b} | could not read | b
{a} taught {b} | knew every answer | a
"""

CAUSES = tuple(
    Cause(deed=deed.strip(), reason=reason.strip(), referent=referent.strip())
    for deed, reason, referent in (line.split("|") for line in _TABLE.strip().splitlines())
)
"""Two reasons for each deed, one on either side."""
