"""What a paper claims, as data: which numbers of which rows are compared, in which direction, over how many seeds."""

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sbn.config.errors import ConfigError, shown, unknown
from sbn.config.field_types import wrong_field

if TYPE_CHECKING:
    from sbn.config.tables import Experiment

_NAME = re.compile(r"[a-z0-9_]+")


@dataclasses.dataclass(frozen=True)
class Term:
    """A number of a row in a sum.

    Attributes:
        weight: what it counts by.
        row: full name, 'table/row' or 'table/row@reading'.
        measure: METRIC[@STAGE][:STATISTIC], as reports name it.
    """

    weight: float
    row: str
    measure: str


@dataclasses.dataclass(frozen=True)
class Claim:
    """A sentence of a paper, and the number that is above 0 if it is true.

    The number, its *effect*, is taken of every seed by itself, so that runs of one seed are paired.

    Attributes:
        name: on the command line: small letters, digits and underscores.
        text: the claim in plain words.
        where: where the paper states it.
        terms: their weighted sum is the effect.
        order: instead of `terms`: their values fall from the first to the last. The effect is Kendall's tau of ours: 1
            if they do, 0 if they are in no order, -1 if they rise.
        paper: the effect by the paper's own numbers, in percentage points where ours are; None where it prints none.
        seeds: of each row, before anything is said of it.
        premises: names of claims without which this one means something else: where RandAugment only hurts, whatever
            trains with less of it is better.
        settled_by: what would tell, where it does not show at this size.
    """

    name: str
    text: str
    where: str
    terms: tuple[Term, ...] = ()
    order: tuple[Term, ...] = ()
    paper: float | None = None
    seeds: int = 5
    premises: tuple[str, ...] = ()
    settled_by: str = ""

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows that it needs, each once."""
        return tuple(dict.fromkeys(term.row for term in (*self.terms, *self.order)))


def check_claims(experiment: "Experiment") -> None:
    """Refuses what is no claim, and claims that name a row or a reading that their experiments file has not.

    Raises:
        ConfigError: one line, with the nearest.
    """
    seen, path = set[str](), experiment.path
    for thing in experiment.claims:
        if not isinstance(thing, Claim):
            raise ConfigError(f"{path}: CLAIMS holds {shown(thing)}, which is not a Claim")
        for part in (thing, *thing.terms, *thing.order):
            if (wrong := wrong_field(part)) is not None:
                name, value, wanted = wrong
                raise ConfigError(f"{path}: {name} of a {type(part).__name__} is {shown(value)}, not {wanted}")
    names = {claim.name for claim in experiment.claims}
    for claim in experiment.claims:
        if not _NAME.fullmatch(claim.name) or claim.name in seen:
            raise ConfigError(f"{path}: {claim.name!r} is not a valid name of a claim, or is already taken")
        if bool(claim.terms) == bool(claim.order) or len(claim.order) == 1 or claim.seeds < 1:
            raise ConfigError(f"{path}: claim {claim.name} needs terms, or two and more in order, and seeds")
        seen.add(claim.name)
        if lacking := [name for name in claim.premises if name not in names - {claim.name}]:
            raise unknown(f"premise of claim {claim.name} of {path}:", lacking[0], names)
        for row in claim.rows:
            try:
                experiment.row(row)
            except ConfigError as error:
                raise ConfigError(f"{path}, claim {claim.name}: {error}") from None


def chosen(claims: Sequence[Claim], names: Sequence[str]) -> list[Claim]:
    """Returns the claims of these names, in their own order; all for ().

    Raises:
        ConfigError: if there is no such claim.
    """
    known = {claim.name: claim for claim in claims}
    if wrong := [name for name in names if name not in known]:
        raise unknown("claim", wrong[0], known)
    return [claim for claim in claims if not names or claim.name in names]
