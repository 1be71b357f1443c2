"""The `local-path` pool of the built cluster: folders of this machine, reused after their claim is gone."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from .kubectl import Kubectl

POOL_LABEL = "streamvault-dev.local/pool"
POOL_SIZE = 12
OWNER_UID = 1000  # every container of the project runs as this user


def manifest(name: str, folder: Path, node_name: str) -> dict[str, Any]:
    """One volume; its capacity is a label to match claims by, nothing limits the folder."""
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node_name]}]}]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "labels": {POOL_LABEL: "true"}},
        "spec": {
            "capacity": {"storage": "500Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "local-path",
            "persistentVolumeReclaimPolicy": "Retain",
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
        },
    }


def ensure_pool(kubectl: Kubectl, root: Path, node_name: str) -> None:
    """Create the volumes that the API server does not know; a folder left over from a lost datastore is emptied."""
    known = {item["metadata"]["name"] for item in _pool(kubectl)}
    missing = []
    for name in (f"local-{number:02d}" for number in range(1, POOL_SIZE + 1)):
        folder = root / name
        if name not in known:
            empty_folder(folder)
            missing.append(manifest(name, folder, node_name))
        elif not folder.is_dir():
            empty_folder(folder)
    if missing:
        kubectl.apply({"apiVersion": "v1", "kind": "List", "items": missing})


def released(kubectl: Kubectl, root: Path) -> list[str]:
    """Names of volumes whose claim was deleted."""
    return recyclable(_pool(kubectl), root)


def sweep(kubectl: Kubectl, root: Path) -> None:
    """Empty every volume whose claim was deleted and offer it again."""
    for name in released(kubectl, root):
        empty_folder(root / name)
        forget_claim = [{"op": "remove", "path": "/spec/claimRef"}]
        kubectl.run("patch", "persistentvolume", name, "--type=json", "-p", json.dumps(forget_claim))


def recyclable(volumes: list[dict[str, Any]], root: Path) -> list[str]:
    """Names of released volumes whose folder is really one of the pool's."""
    return [
        volume["metadata"]["name"]
        for volume in volumes
        if volume.get("status", {}).get("phase") in {"Released", "Failed"}
        and volume["spec"].get("local", {}).get("path") == str(root / volume["metadata"]["name"])
    ]


def empty_folder(folder: Path) -> None:
    """Leave it existing, empty and owned by the containers' user."""
    folder.mkdir(parents=True, exist_ok=True)
    for child in folder.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()
    os.chown(folder, OWNER_UID, OWNER_UID)
    folder.chmod(0o770)


def _pool(kubectl: Kubectl) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = kubectl.get_json("persistentvolumes", "-l", POOL_LABEL)["items"]
    return items
