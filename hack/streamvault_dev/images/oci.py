"""OCI images as files: one static program as an image, and a tar stream of only the blobs the other side lacks."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
INDEX = "application/vnd.oci.image.index.v1+json"
NAME_ANNOTATION = "io.containerd.image.name"
LAYOUT_VERSION = b'{"imageLayoutVersion":"1.0.0"}'
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Image:
    """A named manifest and the blobs it needs: bytes, or a file."""

    name: str
    manifest_digest: str
    manifest_size: int
    blobs: dict[str, bytes | Path]


def from_program(name: str, program: Path, architecture: str) -> Image:
    """An image of nothing but one static program, run as user 65532."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        entry = archive.gettarinfo(str(program), arcname=program.name)
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        entry.mode = 0o755
        with program.open("rb") as content:
            archive.addfile(entry, content)
    blobs: dict[str, bytes | Path] = {}
    layer_descriptor = _add(blobs, LAYER, layer.getvalue())
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"], "User": "65532"},
        "rootfs": {"type": "layers", "diff_ids": [layer_descriptor["digest"]]},
    }
    config_descriptor = _add(blobs, CONFIG, json.dumps(config).encode())
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config_descriptor,
        "layers": [layer_descriptor],
    }
    descriptor = _add(blobs, MANIFEST, json.dumps(manifest).encode())
    return Image(name, str(descriptor["digest"]), int(descriptor["size"]), blobs)


def from_layout(layout: Path, names: set[str]) -> list[Image]:
    """The images of an OCI layout folder whose reference names are wanted. KeyError for one that it lacks."""
    found = {}
    for descriptor in json.loads((layout / "index.json").read_text())["manifests"]:
        name = descriptor.get("annotations", {}).get("org.opencontainers.image.ref.name")
        if name in names:
            found[name] = _read_image(layout, name, descriptor)
    return [found[name] for name in sorted(names)]


def _read_image(layout: Path, name: str, descriptor: dict[str, Any]) -> Image:
    manifest_file = blob_path(layout, descriptor["digest"])
    manifest = json.loads(manifest_file.read_text())
    digests = [descriptor["digest"], manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]
    blobs: dict[str, bytes | Path] = {digest: blob_path(layout, digest) for digest in digests}
    return Image(name, descriptor["digest"], descriptor["size"], blobs)


def prune_layout(layout: Path, keep: set[str]) -> None:
    """Forget all other names and delete the blobs that no kept image needs."""
    index_file = layout / "index.json"
    if not index_file.is_file():
        return
    index = json.loads(index_file.read_text())
    named = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry for entry in index["manifests"]}
    index["manifests"] = [entry for name, entry in named.items() if name in keep]
    needed = {digest for image in from_layout(layout, keep & set(named)) for digest in image.blobs}
    index_file.write_text(json.dumps(index))
    for blob in (layout / "blobs" / "sha256").iterdir():
        if f"sha256:{blob.name}" not in needed:
            blob.unlink()


def blob_path(layout: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    return layout / "blobs" / algorithm / value


def archive(images: list[Image], held: set[str]) -> Iterator[bytes]:
    """A tar stream of one OCI layout with all the images; blobs shared by images go once, held ones not at all."""
    descriptors = [
        {
            "mediaType": MANIFEST,
            "digest": image.manifest_digest,
            "size": image.manifest_size,
            "annotations": {NAME_ANNOTATION: image.name},
        }
        for image in images
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors}).encode()
    yield from _member("oci-layout", LAYOUT_VERSION)
    yield from _member("index.json", index)
    blobs = {digest: blob for image in images for digest, blob in image.blobs.items()}
    manifests = {image.manifest_digest for image in images}
    for digest, blob in blobs.items():
        # The import reads manifests from the stream itself.
        if digest in manifests or digest not in held:
            yield from _member(f"blobs/{digest.replace(':', '/')}", blob)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _member(name: str, content: bytes | Path) -> Iterator[bytes]:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o644
    if isinstance(content, bytes):
        entry.size = len(content)
        yield entry.tobuf(tarfile.GNU_FORMAT)
        yield content
    else:
        entry.size = content.stat().st_size
        yield entry.tobuf(tarfile.GNU_FORMAT)
        with content.open("rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                yield chunk
    yield b"\0" * (-entry.size % tarfile.BLOCKSIZE)


def _add(blobs: dict[str, bytes | Path], media_type: str, content: bytes) -> dict[str, str | int]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    blobs[digest] = content
    return {"mediaType": media_type, "digest": digest, "size": len(content)}
