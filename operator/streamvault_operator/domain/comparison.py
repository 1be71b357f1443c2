"""What the catalogue holds against what is declared: which titles have to be looked at although nothing happened."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Projection:
    """A title of the catalogue: the object it was made from, and the generations of the files that it shows."""

    title_id: str
    uid: str
    files: tuple[tuple[str, int], ...] = ()


def differing(
    declared: Mapping[str, str], projections: Iterable[Projection], stored_gens: Mapping[str, int]
) -> set[str]:
    """Titles without a resource, resources without their title, and titles that show a file which is not stored.

    `declared` is the uid of every resource by name, `stored_gens` the generation of every stored file by fid.
    """
    missing, wrong = set(declared), set[str]()
    for one in projections:
        missing.discard(one.title_id)
        whole = all(stored_gens.get(fid) == gen for fid, gen in one.files)
        if declared.get(one.title_id) != one.uid or not whole:
            wrong.add(one.title_id)
    return missing | wrong
