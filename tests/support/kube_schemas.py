"""JSON schemas for kubeconform, made from what the API server publishes and from the CRDs of this tree."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml
from chart import tool
from custom_resources import CRD_FOLDER

Schema = dict[str, Any]
LOCATION = "{{ .ResourceKind }}{{ .KindSuffix }}.json"


def write_crd_schemas(folder: Path) -> None:
    """One strict schema for each custom resource."""
    for path in sorted(CRD_FOLDER.glob("*.yaml")):
        crd = yaml.safe_load(path.read_text(encoding="utf-8"))
        for version in crd["spec"]["versions"]:
            schema = _strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            _write(folder, crd["spec"]["names"]["kind"], crd["spec"]["group"], version["name"], schema)


def write_kubernetes_schemas(folder: Path, openapi: Schema) -> None:
    """One strict schema for each kind of the API server's /openapi/v2 document."""
    definitions = {name: _strict(definition) for name, definition in openapi["definitions"].items()}
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", []):
            schema = {"$ref": f"#/definitions/{name}", "definitions": _reachable(name, definitions)}
            if not kind["group"].endswith("streamvault.io"):
                _write(folder, kind["kind"], kind["group"], kind["version"], schema)


def kubeconform(folder: Path, text: str) -> list[dict[str, str]]:
    """What kubeconform finds wrong with the manifests; unknown kinds are wrong, too."""
    command = [tool("kubeconform"), "-strict", "-output", "json", "-schema-location", f"{folder}/{LOCATION}", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    found: list[dict[str, str]] = json.loads(done.stdout)["resources"] or []
    assert done.returncode == 0 or found, done.stderr
    return found


def _strict(schema: Schema) -> Schema:
    """A copy in which objects refuse fields that they do not name."""
    result = copy.deepcopy(schema)
    todo: list[Any] = [result]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo.extend(node)
        elif isinstance(node, dict):
            if isinstance(node.get("properties"), dict) and "additionalProperties" not in node:
                node["additionalProperties"] = bool(node.get("x-kubernetes-preserve-unknown-fields"))
            if node.get("format") == "int-or-string":
                node.pop("format")
                node["type"] = ["integer", "string"]
            todo.extend(node.values())
    return result


def _reachable(name: str, definitions: dict[str, Schema]) -> dict[str, Schema]:
    """The definitions that one refers to, directly or not."""
    found: dict[str, Schema] = {}
    todo = [name]
    while todo:
        current = todo.pop()
        if current not in found:
            found[current] = definitions[current]
            todo.extend(_references(definitions[current]))
    return found


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for child in node for name in _references(child)]
    if isinstance(node, dict):
        own = [node["$ref"].removeprefix("#/definitions/")] if isinstance(node.get("$ref"), str) else []
        return own + [name for child in node.values() for name in _references(child)]
    return []


def _write(folder: Path, kind: str, group: str, version: str, schema: Schema) -> None:
    # kubeconform's KindSuffix: the first label of the group, then the version.
    parts = [kind.lower(), *([group.split(".")[0]] if group else []), version]
    (folder / f"{'-'.join(parts)}.json").write_text(json.dumps(schema), encoding="utf-8")
