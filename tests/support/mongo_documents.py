"""A MongoDB server over the wire that keeps documents and understands the queries and updates of the operator's store.

Small enough to start in a millisecond; what real servers make of the same calls is in the tests against the cluster.
"""

import struct
from collections.abc import Iterator
from typing import Any

import bson
from conditions import until
from mongo_wire import MongoWire

Document = dict[str, Any]
DUPLICATE_KEY = 11000
_LENGTH = struct.Struct("<i")


class MongoDocuments(MongoWire):
    """`collections` maps a collection's name to its documents by `_id`; `commands` is what was sent to which one."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[tuple[str, str]] = []

    async def stop(self) -> None:
        """Close the port, and wait until every connection is gone."""
        await super().stop()
        await until(lambda: not self._writers)

    def documents(self, collection: str) -> list[Document]:
        """Everything in a collection."""
        return list(self.collections.get(collection, {}).values())

    def _message(self, request: int, code: int, body: bytes) -> bytes:
        """Commands bring their documents in sections of their own."""
        return super()._message(request, code, body[:5] + bson.encode(_command(body)) if code == 2013 else body)

    def _answer(self, command: Document) -> Document:
        name = next(iter(command))
        self.commands.append((name, str(command[name])))
        act = getattr(self, f"_{name.lower()}", None)
        return super()._answer(command) if act is None else {"ok": 1.0, **act(command, command[name])}

    def _find(self, command: Document, collection: str) -> Document:
        return _cursor(command, self._matching(collection, command.get("filter", {})))

    def _aggregate(self, command: Document, collection: str) -> Document:
        """What `count_documents` sends."""
        count = len(self._matching(collection, command["pipeline"][0]["$match"]))
        return _cursor(command, [{"n": count}] if count else [])

    def _distinct(self, command: Document, collection: str) -> Document:
        found = self._matching(collection, command.get("query", {}))
        return {"values": sorted({entry[command["key"]] for entry in found})}

    def _insert(self, command: Document, collection: str) -> Document:
        kept = self.collections.setdefault(collection, {})
        errors = []
        for index, entry in enumerate(command["documents"]):
            if kept.setdefault(entry["_id"], entry) is not entry:
                errors.append(_duplicate(index))
        return {"n": len(command["documents"]) - len(errors), **({"writeErrors": errors} if errors else {})}

    def _update(self, command: Document, collection: str) -> Document:
        kept = self.collections.setdefault(collection, {})
        count, errors, upserted = 0, [], []
        for index, change in enumerate(command["updates"]):
            found = self._matching(collection, change["q"])
            for entry in found if change.get("multi") else found[:1]:
                kept[entry["_id"]] = _changed(entry, change["u"])
                count += 1
            if not found and change.get("upsert"):
                key = change["q"]["_id"]
                if key in kept:
                    errors.append(_duplicate(index))
                    continue
                kept[key] = _changed({"_id": key, **change["u"].get("$setOnInsert", {})}, change["u"])
                upserted.append({"index": index, "_id": key})
        answer: Document = {"n": count + len(upserted), "nModified": count}
        return answer | ({"upserted": upserted} if upserted else {}) | ({"writeErrors": errors} if errors else {})

    def _delete(self, command: Document, collection: str) -> Document:
        gone = [entry["_id"] for order in command["deletes"] for entry in self._matching(collection, order["q"])]
        for key in gone:
            del self.collections[collection][key]
        return {"n": len(gone)}

    def _matching(self, collection: str, query: Document) -> list[Document]:
        return [entry for entry in self.documents(collection) if matches(entry, query)]


def matches(entry: Document, query: Document) -> bool:
    """Whether a document fits a query; raises NotImplementedError for an operator that the store does not use."""
    return all(_fits(entry, path, wanted) for path, wanted in query.items())


def _fits(entry: Document, path: str, wanted: Any) -> bool:
    if path == "$or":
        return any(matches(entry, one) for one in wanted)
    if path == "$nor":
        return not any(matches(entry, one) for one in wanted)
    values = list(_values(entry, path.split("."))) or [None]
    if not isinstance(wanted, dict):
        return wanted in values
    tests = {"$in": lambda given: any(one in given for one in values), "$ne": lambda given: given not in values}
    if unknown := set(wanted) - set(tests):
        raise NotImplementedError(f"operators {unknown}")
    return all(tests[operator](given) for operator, given in wanted.items())


def _values(value: Any, path: list[str]) -> Iterator[Any]:
    """Every value at a path; a list stands for its entries."""
    if isinstance(value, list):
        for one in value:
            yield from _values(one, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _values(value[path[0]], path[1:])


def _duplicate(index: int) -> Document:
    return {"index": index, "code": DUPLICATE_KEY, "errmsg": "E11000 duplicate key error"}


def _changed(entry: Document, change: Document) -> Document:
    if any(name.startswith("$") for name in change):
        return {**entry, **change.get("$set", {})}
    return {"_id": entry["_id"], **change}


def _cursor(command: Document, found: list[Document]) -> Document:
    name = next(iter(command))
    return {"cursor": {"id": 0, "ns": f"{command['$db']}.{command[name]}", "firstBatch": found}}


def _command(body: bytes) -> Document:
    """The command of an OP_MSG with the document sequences that belong to it (flags, then sections)."""
    command: Document = {}
    position = 4
    while position < len(body):
        kind, start = body[position], position + 1
        (length,) = _LENGTH.unpack_from(body, start)
        section = body[start : start + length]
        if kind == 0:
            command = {**bson.decode(section), **command}
        else:
            end = section.index(b"\0", 4)
            command[section[4:end].decode()] = list(bson.decode_iter(section[end + 1 :]))
        position = start + length
    name = next(key for key in command if key not in {"documents", "updates", "deletes"})
    return {name: command.pop(name), **command}
