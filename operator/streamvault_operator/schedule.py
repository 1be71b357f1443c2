"""When which object is due: two heaps, of which entries that were overtaken are dropped as they come up."""

import heapq


class Schedule:
    """One due time per object; urgent objects come first, taken ones not again before they are given back.

    Times are of the caller's clock.
    """

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._taken: set[str] = set()
        self._urgent: set[str] = set()
        self._heaps: dict[bool, list[tuple[float, str]]] = {True: [], False: []}

    def add(self, name: str, due: float) -> bool:
        """Says whether that is earlier than what was agreed."""
        if self._due.get(name, due + 1) <= due:
            return False
        self._due[name] = due
        self._push(name)
        return True

    def urgent(self, name: str) -> bool:
        """Whether an object is urgent."""
        return name in self._urgent

    def hurry(self, name: str) -> bool:
        """An object is urgent; says whether it was not."""
        if name in self._urgent:
            return False
        self._urgent.add(name)
        self._push(name)
        return True

    def calm(self, name: str) -> None:
        """An object is like any other."""
        if name in self._urgent:
            self._urgent.remove(name)
            self._push(name)

    def take(self, now: float, *, urgent_only: bool) -> str | None:
        """The first object that is due; None when there is none."""
        for urgent in (True,) if urgent_only else (True, False):
            entry = self._first(urgent)
            if entry is not None and entry[0] <= now:
                name = entry[1]
                heapq.heappop(self._heaps[urgent])
                del self._due[name]
                self._taken.add(name)
                return name
        return None

    def give_back(self, name: str) -> None:
        """A taken object may be taken again when it is due."""
        self._taken.discard(name)
        self._push(name)

    def next_due(self, now: float) -> float | None:
        """When an object becomes due that is not due yet; None when there is none before one that is due is taken."""
        later = [entry[0] for urgent in (True, False) if (entry := self._first(urgent)) and entry[0] > now]
        return min(later, default=None)

    def due_count(self, now: float) -> int:
        """How many objects are due and not taken."""
        return sum(due <= now for name, due in self._due.items() if name not in self._taken)

    def earliest(self) -> float | None:
        """The earliest due time of an object that is not taken; None when there is none."""
        firsts = [entry[0] for urgent in (True, False) if (entry := self._first(urgent))]
        return min(firsts, default=None)

    def _push(self, name: str) -> None:
        if name in self._due and name not in self._taken:
            heapq.heappush(self._heaps[name in self._urgent], (self._due[name], name))

    def _first(self, urgent: bool) -> tuple[float, str] | None:
        heap = self._heaps[urgent]
        while heap and not self._holds(heap[0], urgent):
            heapq.heappop(heap)
        return heap[0] if heap else None

    def _holds(self, entry: tuple[float, str], urgent: bool) -> bool:
        due, name = entry
        return self._due.get(name) == due and name not in self._taken and (name in self._urgent) is urgent
