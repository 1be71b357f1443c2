"""Many titles that the operator has published before: copies of one that it really did, under other names and numbers.

Twenty thousand first sights take longer than anybody waits for a benchmark. What a copy consists of is read, not
written down here: the object with its status, and its documents. A copy that is not exactly what the operator would
have left behind shows at once, because the operator would write it anew.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from scale_stage import ScaleStage, at_once

from streamvault_common import documents

BATCH = 500
Words = Mapping[str, str]
"""Unique texts of one title, such as its name and its files' ids, and what stands for them in another."""


class TitleCopies:
    """Makes copies of the title `name`."""

    def __init__(self, stage: ScaleStage, name: str) -> None:
        self._stage = stage
        self._object = stage.operator.api.get(stage.operator.path("titles", name))
        self._title = stage.records[documents.TITLES].find_one({"_id": name})
        self._files = list(stage.records[documents.FILES].find({"title": name}))
        if self._title is None or not self._files:
            raise LookupError(f"{name} is not published")

    async def make(self, copies: Sequence[Words]) -> None:
        """Make copies, each with its own words."""
        for start in range(0, len(copies), BATCH):
            batch = copies[start : start + BATCH]
            uids: dict[int, str] = {}

            async def one(entry: tuple[int, Words], uids: dict[int, str] = uids) -> None:
                uids[entry[0]] = await self._make_object(entry[1])

            await at_once(one, enumerate(batch))
            await asyncio.to_thread(self._insert, [(words, uids[place]) for place, words in enumerate(batch)])

    async def _make_object(self, words: Words) -> str:
        """Gives the uid."""
        old = self._object
        head = {name: old[name] for name in ("apiVersion", "kind")}
        metadata = {"name": old["metadata"]["name"], "finalizers": old["metadata"]["finalizers"]}
        made = renamed({**head, "metadata": metadata, "spec": old["spec"]}, words)
        created = await self._stage.send("POST", "titles", "", made)
        status = renamed({**head, "metadata": {"name": old["metadata"]["name"]}, "status": old["status"]}, words)
        await self._stage.send("APPLY", "titles", f"{made['metadata']['name']}/status", status)
        uid: str = created["metadata"]["uid"]
        return uid

    def _insert(self, copies: Sequence[tuple[Words, str]]) -> None:
        own = self._object["metadata"]["uid"]
        titles = [renamed(self._title, {**words, own: uid}) for words, uid in copies]
        files = [renamed(file, {**words, own: uid}) for words, uid in copies for file in self._files]
        self._stage.records[documents.TITLES].insert_many(titles, ordered=False)
        self._stage.records[documents.FILES].insert_many(files, ordered=False)


def renamed(document: Any, words: Words) -> Any:
    """A copy of a JSON document with other words."""
    text = json.dumps(document)
    for word, other in words.items():
        text = text.replace(word, other)
    return json.loads(text)
