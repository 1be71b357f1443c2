"""One tar stream carries many images: shared blobs once, blobs that the cluster holds not at all."""

import dataclasses
import io
import json
import tarfile
from pathlib import Path

import pytest

from streamvault_dev.images import oci


def program(folder: Path, name: str, content: bytes) -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def unpack(images: list[oci.Image], held: set[str]) -> dict[str, bytes]:
    stream = io.BytesIO(b"".join(oci.archive(images, held)))
    with tarfile.open(fileobj=stream) as archive:
        return {entry.name: content.read() for entry in archive if (content := archive.extractfile(entry)) is not None}


def test_a_program_becomes_an_image_that_runs_it(tmp_path: Path) -> None:
    image = oci.from_program("localhost/x/pause:1", program(tmp_path, "pause", b"\x7fELF" * 999), "arm64")
    files = unpack([image], set())
    [descriptor] = json.loads(files["index.json"])["manifests"]
    assert descriptor["annotations"] == {"io.containerd.image.name": "localhost/x/pause:1"}
    manifest = json.loads(files["blobs/" + descriptor["digest"].replace(":", "/")])
    config = json.loads(files["blobs/" + manifest["config"]["digest"].replace(":", "/")])
    assert config["architecture"] == "arm64"
    assert config["config"]["Entrypoint"] == ["/pause"]
    layer = files["blobs/" + manifest["layers"][0]["digest"].replace(":", "/")]
    with tarfile.open(fileobj=io.BytesIO(layer)) as rootfs:
        [entry] = rootfs.getmembers()
        content = rootfs.extractfile(entry)
        assert (entry.name, entry.mode) == ("pause", 0o755)
        assert content is not None
        assert content.read() == b"\x7fELF" * 999


def test_shared_blobs_go_once_and_held_ones_not_at_all(tmp_path: Path) -> None:
    binary = program(tmp_path, "tool", b"x" * 5000)
    first, second = (oci.from_program(f"localhost/x/{name}:1", binary, "amd64") for name in ("a", "b"))
    everything = unpack([first, second], set())
    assert len(everything) == 2 + 3  # layout, index; one manifest, config and layer serve both names
    held = set(first.blobs) - {first.manifest_digest}
    reduced = unpack([first, second], held)
    assert set(reduced) == {"oci-layout", "index.json", f"blobs/{first.manifest_digest.replace(':', '/')}"}


def test_layout_folder_gives_the_wanted_images_only(tmp_path: Path) -> None:
    image = oci.from_program("localhost/x/a:1", program(tmp_path, "tool", b"x"), "amd64")
    write_layout(tmp_path, [image, dataclasses.replace(image, name="localhost/x/old:1")])
    [found] = oci.from_layout(tmp_path, {"localhost/x/a:1"})
    assert found.name == "localhost/x/a:1"
    assert set(found.blobs) == set(image.blobs)
    with pytest.raises(KeyError):
        oci.from_layout(tmp_path, {"localhost/x/missing:1"})


def write_layout(folder: Path, images: list[oci.Image]) -> None:
    descriptors = []
    for image in images:
        for digest, blob in image.blobs.items():
            path = oci.blob_path(folder, digest)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(blob if isinstance(blob, bytes) else blob.read_bytes())
        descriptors.append(
            {
                "digest": image.manifest_digest,
                "size": image.manifest_size,
                "annotations": {"org.opencontainers.image.ref.name": image.name},
            }
        )
    (folder / "index.json").write_text(json.dumps({"manifests": descriptors}))


def test_pruned_layout_keeps_every_blob_of_the_kept_images(tmp_path: Path) -> None:
    old, new = (
        oci.from_program(f"localhost/x/a:{number}", program(tmp_path, "tool", bytes([number])), "amd64")
        for number in (1, 2)
    )
    layout = tmp_path / "layout"
    layout.mkdir()
    write_layout(layout, [old, new])
    oci.prune_layout(layout, {"localhost/x/a:2", "localhost/x/never-built:1"})
    left = {f"sha256:{file.name}" for file in (layout / "blobs/sha256").iterdir()}
    assert left == set(new.blobs)
    assert [image.name for image in oci.from_layout(layout, {"localhost/x/a:2"})] == ["localhost/x/a:2"]
