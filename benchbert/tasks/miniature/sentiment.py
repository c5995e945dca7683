"""SST-2 in miniature: is this sentence praise or blame?

Most words of praise and blame in validation and test do not occur in the training set: what they mean must come from
pre-training. A negation turns the meaning round; there is one at most. A contrast has words of both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from benchbert.tasks.miniature import lexicon as lx
from benchbert.tasks.miniature.grammar import capital, draws_of

__all__ = ["SUBJECTS", "TRAIN_WORDS", "build", "opinion"]

SUBJECTS = ("film", "play", "book", "meal", "concert", "story", "song", "trip", "show", "hotel", "picture", "party")
"""What reviews are about."""

TRAIN_WORDS = 12
"""How many words of each side the training set has: the first ones."""

_PLAIN = (
    "the {s} was {w}",
    "this is a truly {w} {s}",
    "we found the {s} {w}",
    "the {s} was {w} and {v}",
    "in all, a {w} {s}",
    "the {s} turned out {w}",
)
_NEGATED = (
    "the {s} was not {w}",
    "the {s} was never {w}",
    "nobody found the {s} {w}",
    "this is not a {w} {s}",
    "we did not find the {s} {w}",
    "the {s} was neither {w} nor {v}",
)
_CONTRAST = (
    "the {s} was first {x} but then {w}",
    "the {t} was {x} but the {s} was {w}",
    "though the {t} was {x}, the {s} was {w}",
    "the {s} was {w}, though the {t} was {x}",
    "the {s} was not {x} but {w}",
    "the {s} was {w} and never {x}",
    "the {s} was {w}, not {x} like the {t}",
)


def opinion(random: Random, subject: str, meant: tuple[str, ...], other: tuple[str, ...]) -> str:
    """One sentence about a subject.

    `meant` are words of the side it takes, `other` those of the other side, for what is denied and for contrasts.
    """
    draw = random.random()
    shapes = _PLAIN if draw < 0.3 else _NEGATED if draw < 0.6 else _CONTRAST
    first, second = random.sample(other if shapes is _NEGATED else meant, 2)
    another = random.choice([s for s in SUBJECTS if s != subject])
    sentence = random.choice(shapes).format(s=subject, t=another, w=first, v=second, x=random.choice(other))
    return capital(sentence.replace(f" a {first}", f" {lx.article(first)} {first}")) + "."


def _sentence(random: Random, positive: bool, seen: bool) -> str:
    """One review; `seen`: with words of the training set."""
    cut = slice(0, TRAIN_WORDS) if seen else slice(TRAIN_WORDS, None)
    praise, blame = lx.POSITIVE[cut], lx.NEGATIVE[cut]
    meant, other = (praise, blame) if positive else (blame, praise)
    return opinion(random, random.choice(SUBJECTS), meant, other)


def build(sizes: Mapping[str, int]) -> dict[str, list[dict[str, object]]]:
    """Rows of each split: sentence, label (0 blame, 1 praise); no sentence twice."""
    random = draws_of("sst2")
    seen: set[str] = set()
    splits: dict[str, list[dict[str, object]]] = {}
    for split, size in sizes.items():
        rows: list[dict[str, object]] = []
        while len(rows) < size:
            positive = len(rows) % 2 == 1
            sentence = _sentence(random, positive, split == "train" or random.random() < 0.2)
            if sentence not in seen:
                seen.add(sentence)
                rows.append({"sentence": sentence, "label": int(positive)})
        random.shuffle(rows)
        splits[split] = rows
    return splits
