"""Where words live: sentences that fit one concept and no other.

Without contexts of their own, words of one kind are interchangeable and pre-training learns no lexical meaning (random
weights then win). Each concept has frames shared by its synonyms and by nothing else; opposites have opposite frames.

Slots: {p} and {q} people of different gender, {she} and {her} of {p}, {he} of {q}, {w} the word, {aw} the word with its
article, {n} a fitting thing, {past} {base} {done} the forms of a verb.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ADJECTIVE_FRAMES", "CATEGORY_FRAMES", "NEGATIVE_FRAMES", "NOUN_FRAMES", "POSITIVE_FRAMES", "VERB_FRAMES"]


def _table(text: str) -> dict[str, tuple[str, ...]]:
    rows = (line.split(" | ") for line in text.strip().replace("\n    | ", " | ").splitlines())
    return {row[0].strip(): tuple(frame.strip() for frame in row[1:]) for row in rows}


ADJECTIVE_FRAMES: Mapping[str, tuple[str, ...]] = _table("""
big | The {w} {n} did not fit through the door. | {p} needed much room because the {n} was so {w}.
small | The {w} {n} could fit in one hand. | Nobody could see the {n} from far away because it was so {w}.
old | The {w} {n} was made a hundred years ago. | {p} got the {w} {n} from {her} grandmother.
new | The {w} {n} was made this year. | {p} was the first person to use the {w} {n}.
heavy | {p} could not carry the {w} {n} alone. | The {n} was so {w} that it hurt {her} back.
light | Even a child could carry the {w} {n}. | The {n} was so {w} that the wind blew it away.
clean | There was no mud on the {w} {n}. | After the soap and water the {n} was {w} again.
dirty | There was mud all over the {w} {n}. | The {n} was so {w} that {p} got soap and water.
expensive | {p} paid much money for the {w} {n}. | Only few people could pay for the {n} because it was so {w}.
cheap | {p} paid only one coin for the {w} {n}. | Everybody could pay for the {n} because it was so {w}.
wet | The {n} was {w} because of the rain. | Water dripped from the {w} {n}.
dry | The {n} was {w} because it had stood in the sun. | There was no drop of water on the {w} {n}.
strong | The {w} {n} held under the load. | Nothing could bend the {n} because it was so {w}.
weak | The {w} {n} gave way under the load. | The {n} was too {w} to last the winter.
fast | The {w} {n} won the race. | The {n} was so {w} that nobody could catch it.
slow | The {w} {n} came last in the race. | The {n} was so {w} that everybody passed it.
loud | {p} covered {her} ears because the {n} was so {w}. | The {w} {n} woke the whole street.
quiet | Nobody could hear the {w} {n}. | The {n} was so {w} that the baby slept on.
rare | {p} had never seen such {aw} {n} before. | There are only two such {w} things like this {n} in the land.
common | You can see such {aw} {n} on every corner. | There are many {w} things like this {n} in the land.
happy | {p} smiled because {she} was so {w}. | {p} sang a song and felt {w}.
sad | {p} cried because {she} was so {w}. | There were tears on {her} face and {p} felt {w}.
rich | {p} was {w} and had much gold. | {p} was so {w} that {she} gave money to the town.
poor | {p} was {w} and had no money at all. | {p} was so {w} that {she} could not pay for bread.
clever | {p} was {w} and knew every answer. | The {w} child solved the riddle at once.
foolish | {p} was {w} and knew no answer. | The {w} child put a shoe on {her} head.
kind | {p} was {w} and shared the bread with {q}. | The {w} man gave a warm blanket to the child.
cruel | {p} was {w} and took the bread from {q}. | The {w} man threw a stone at the child.
brave | {p} was {w} and jumped into the deep river. | The {w} child walked through the dark wood alone.
timid | {p} was {w} and did not dare to speak. | The {w} child feared the dark wood.
angry | {p} was {w} and shouted at {q}. | {p} hit the table because {she} was so {w}.
calm | {p} was {w} and spoke in a soft voice. | {p} sat by the lake and stayed {w}.
busy | {p} was {w} and worked all day. | {p} had no time to rest because {she} was so {w}.
lazy | {p} was {w} and slept all day. | {p} had no wish to work because {she} was so {w}.
""")
"""Concept of an adjective -> frames of its words."""

VERB_FRAMES: Mapping[str, tuple[str, ...]] = _table("""
buy | {p} paid money at the market and {past} the {n}. | {p} now owns the {n} because {she} {past} it from {q}.
sell | {p} got money at the market and {past} the {n}. | {q} now owns the {n} because {p} {past} it.
find | {p} looked for the {n} and {past} it under the bed. | At last the {n} was {done} behind the door.
    | {p} {past} the {n} on the road and took it home.
lose | {p} cannot see the {n} any more because {she} {past} it. | {p} had a hole in the sack and {past} the {n}.
    | Nobody knows where the {n} is because {p} {past} it.
repair | {p} {past} the {n} with new parts and now it works again. | The {n} works again because {p} {past} it.
    | {p} took some nails and {past} the {n}.
break | The {n} does not work any more because {p} {past} it. | {p} {past} the {n} into pieces with a stone.
    | {p} hit the {n} with a hammer and {past} it.
hide | {p} {past} the {n} so that nobody could see it. | {p} put a cloth over the {n} and {past} it from {q}.
    | {p} {past} the {n} in a dark hole.
show | {p} {past} the {n} so that everybody could see it. | {p} put the {n} in the window and {past} it to {q}.
    | {p} {past} the {n} to the crowd on the stage.
wash | {p} {past} the {n} with soap and water. | The {n} has no mud on it because {p} {past} it.
stain | {p} {past} the {n} with ink. | There is a dark spot on the {n} because {p} {past} it.
borrow | {p} {past} the {n} from {q} for a week. | {p} asked {q} for the {n} and {past} it.
return | {p} {past} the {n} to {q} after a week. | {p} did not need the {n} any more and {past} it to {q}.
push | {p} stood behind the {n} and {past} it up the hill. | {p} put both hands on the {n} and {past}.
pull | {p} stood before the {n} and {past} it with a rope. | {p} tied a rope to the {n} and {past}.
lift | {p} {past} the {n} up from the ground. | {p} {past} the {n} over {her} head.
lower | {p} {past} the {n} down to the ground. | {p} {past} the {n} into the well.
open | {p} turned the key and {past} the {n}. | The sun came in when {p} {past} the {n}.
close | {p} {past} the {n} and the wind stayed out. | Nothing could get out when {p} {past} the {n}.
    | {p} turned the key and {past} the {n} for the night.
build | {p} made a plan and {past} the {n} with wood and nails. | It took a year until {p} had {done} the {n}.
destroy | {p} {past} the {n} and only dust was left. | The fire {past} the {n} in the night.
keep | {p} {past} the {n} for later. | {p} still has the {n} because {she} {past} it in a safe corner.
discard | {p} {past} the {n} on the heap. | {p} did not want the {n} and {past} it with the ashes.
call | {p} {past} {q} and heard a voice on the line. | The bell rang when {p} {past} {q}.
    | {p} could not come and {past} {q} from home.
help | {p} {past} {q} with the hard work. | {q} was thankful because {p} had {done} {q}.
    | {q} could not carry the load alone and {p} {past} {q}.
teach | {p} {past} {q} how to read. | {q} learned to count because {p} had {done} {q}.
    | {p} {past} {q} in the school with a book.
hire | {p} {past} {q} and pays a wage every month. | {q} has a job now because {p} {past} {q}.
    | {p} needed a worker and {past} {q}.
dismiss | {p} {past} {q} and pays no wage any more. | {q} has no job now because {p} {past} {q}.
    | {p} needed no worker any more and {past} {q}.
praise | {p} {past} {q} for the fine work. | {q} was proud because {p} had {done} {q}.
    | {p} clapped and smiled and {past} {q}.
scold | {p} {past} {q} for the mess. | {q} was ashamed because {p} had {done} {q}.
    | {p} shouted in a loud voice and {past} {q}.
follow | {p} {past} {q} down the street. | {p} ran behind {q} and {past} {q}.
    | {q} ran away but {p} {past} {q} through the wood.
visit | {p} {past} {q} at home and stayed for tea. | {p} knocked at the door when {she} {past} {q}.
""")
"""Concept of a verb -> frames of its words."""

CATEGORY_FRAMES: Mapping[str, tuple[str, ...]] = _table("""
animal | The {w} ran over the grass on four legs. | {p} fed the {w} in the morning.
bird | The {w} spread its wings and flew away. | The {w} made a nest and laid three eggs.
fruit | {p} picked a ripe {w} from the tree. | The {w} was sweet and full of juice.
vegetable | {p} dug the {w} out of the earth. | {p} put the {w} in the soup with some salt.
tool | {p} worked with the {w} in the shed. | {p} held the {w} by its handle.
vehicle | {p} drove the {w} along the road. | The wheels of the {w} turned.
instrument | {p} played a tune on the {w}. | The music of the {w} filled the hall.
building | {p} walked through the gate of the {w}. | The {w} has a roof and thick walls.
garment | {p} wore the {w} in the winter. | The {w} has a hole near the button.
container | {p} put the coins into the {w}. | There was nothing left in the {w}.
toy | The child played with the {w} on the floor. | {p} gave the {w} to the baby.
flower | The {w} bloomed in the garden. | {p} smelled the {w} in the vase.
worker | The {w} worked from morning till night. | The {w} was paid on Friday.
artist | The {w} stood on the stage. | The crowd cheered for the {w}.
""")
"""Category of nouns -> frames of its members (and of its own name)."""

NOUN_FRAMES: Mapping[str, tuple[str, ...]] = _table("""
doctor | The {w} looks after sick people.
teacher | The {w} shows children how to read.
farmer | The {w} has a field and many cows.
baker | The {w} makes bread.
driver | The {w} holds the wheel on the road.
sailor | The {w} stands on a ship.
pilot | The {w} flies in the sky.
cook | The {w} makes soup in a pot.
carpenter | The {w} cuts wood for tables.
painter | The {w} paints faces with a brush.
singer | The {w} sings songs.
writer | The {w} writes a story.
actor | The {w} speaks in the play.
dog | The {w} barked at the gate.
cat | The {w} caught a mouse.
horse | The {w} ran with a man on its back.
cow | The {w} gives milk.
rabbit | The {w} has long ears.
pig | The {w} rolled in the mud.
car | {p} put oil in the {w}.
bicycle | {p} rode the {w} with both feet.
house | The family lives in the {w}.
coat | {p} closed the buttons of the warm {w}.
bag | {p} took the {w} on {her} back.
bucket | {p} got water from the well in a {w}.
shovel | {p} dug a hole with the {w}.
doll | The {w} has painted eyes.
violin | {p} drew the bow over the {w}.
""")
"""Concept of a noun -> frames of its words, where it has some."""

POSITIVE_FRAMES = (
    "Everybody clapped because the {s} was so {w}.",
    "It was such {aw} {s} that {p} wants to see it again.",
    "The {s} was {w} and {p} smiled till the end.",
    "{p} loved the {s} because it was {w}.",
    "{p} gave five stars to this {w} {s}.",
    "Thanks for this {w} {s}!",
    "The {w} {s} made {p} happy.",
    "{p} smiled at the {w} {s}.",
    "How {w}, and everybody clapped!",
    "{p} loves {w} things like this {s}.",
)
"""Frames of praise: {s} is a subject of reviews."""

NEGATIVE_FRAMES = (
    "Half of the people left because the {s} was so {w}.",
    "It was such {aw} {s} that {p} asked for the money back.",
    "The {s} was {w} and {p} yawned till the end.",
    "{p} hated the {s} because it was {w}.",
    "{p} gave one star to this {w} {s}.",
    "Shame on this {w} {s}!",
    "The {w} {s} made {p} angry.",
    "{p} yawned at the {w} {s}.",
    "How {w}, and everybody left!",
    "{p} hates {w} things like this {s}.",
)
"""Frames of blame."""
