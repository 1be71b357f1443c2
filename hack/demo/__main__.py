"""Fill a running sandbox installation with the sample library; every step is skipped when it is done already."""

import asyncio
import base64
import hashlib
import sys
import time
from pathlib import Path
from typing import Any

from streamvault_common.settings import TelegramSettings

from . import artwork, cluster, films, publish, subtitles
from .catalogue import TITLES, SampleTitle
from .telegram import Uploader, uploader
from .world import CHANNEL_ID, DC_MAP, UPLOADER, WORKERS, mint_session

CONTENT_TYPES = {"avif": "image/avif", "webp": "image/webp", "vtt": "text/vtt"}


def main() -> int:
    """Make, upload, declare; returns the process's exit status."""
    folder = films.cache_folder()
    for title_id, reel, bucket in films.all_reels():
        started = time.monotonic()
        path = films.make(reel, bucket, folder)
        report(f"film {title_id} {path.name} ({path.stat().st_size / 1e6:.0f} MB)", started)
    declare_workers()
    asyncio.run(store_titles(folder))
    return 0


def report(what: str, started: float) -> None:
    """Print a finished step and its time, unless it took no time."""
    seconds = time.monotonic() - started
    if seconds >= 0.2:
        print(f"    {what}: {seconds:.1f} s", flush=True)


def declare_workers() -> None:
    """Create one Secret and one WorkerSession per worker account; existing ones keep their sessions."""
    for name, (account, roles) in WORKERS.items():
        if cluster.get("secret", f"session-{name}") is None:
            cluster.apply(publish.session_manifests(name, mint_session(account), roles)[0])
        cluster.apply(publish.session_manifests(name, "", roles)[1])


async def store_titles(folder: Path) -> None:
    """Upload every file of every title, then declare the titles and their details."""
    with cluster.forwarded("manager", 8080) as manager:
        async with uploader(telegram_settings(), mint_session(UPLOADER), CHANNEL_ID) as store:
            for title in TITLES:
                started = time.monotonic()
                if is_taken_down(title.id):
                    print(f"    title {title.id} was taken down, which is for good: left alone", flush=True)
                    continue
                await store_title(store, title, folder, manager)
                report(f"title {title.id} stored and declared", started)


def is_taken_down(title_id: str) -> bool:
    """Whether somebody tried a takedown on it: the API server would refuse to publish it again."""
    found = cluster.get("title", title_id)
    return found is not None and found["spec"].get("state") == "TakenDown"


async def store_title(store: Uploader, title: SampleTitle, folder: Path, manager: str) -> None:
    """Upload one title's films, pictures and subtitle tracks, then declare it."""
    files: dict[str, tuple[str, int | None, publish.Parts]] = {}
    codecs: dict[str, str] = {}
    for reel in title.reels:
        for bucket in reel.buckets:
            name = bucket.quality if reel.episode is None else f"s01e{reel.episode:02}-{bucket.quality}"
            path = films.make(reel, bucket, folder)
            parts = await store.store_in_parts(path.read_bytes(), path.name, title.parts.get(name, 1))
            files[name] = (bucket.quality, reel.episode, parts)
            codecs[name] = films.codecs(path)
    details = publish.details(title, codecs, await store_assets(store, title, folder))
    token = base64.b64decode(secret("streamvault-manager")["ADMIN_API_TOKEN"]).decode()
    publish.send_details(manager, token, title.id, details)
    cluster.apply(publish.title_manifest(title, files))


async def store_assets(store: Uploader, title: SampleTitle, folder: Path) -> list[dict[str, Any]]:
    """Upload pictures and subtitle tracks; returns them as the admin API takes them."""
    smallest = {reel.episode: films.make(reel, reel.buckets[-1], folder) for reel in title.reels}
    assets = []
    for picture in artwork.renditions(title, smallest):
        part = await store.store(picture.content, f"{title.id}-{picture.name}")
        assets.append(
            publish.asset(
                picture.name, "image", [part], CONTENT_TYPES[picture.format], role=picture.role, width=picture.width,
                height=picture.height, format=picture.format, episode=picture.episode,
            )
        )  # fmt: skip
    for reel in title.reels:
        for language, (label, _) in subtitles.LANGUAGES.items():
            content = subtitles.track(language, reel.seconds)
            name = f"{reel.name}.{language}-{hashlib.sha256(content).hexdigest()[:8]}.vtt"
            part = await store.store(content, name)
            facts = {"language": language, "label": label, "episode": reel.episode}
            assets.append(publish.asset(name, "subtitle", [part], CONTENT_TYPES["vtt"], **facts))
    return assets


def secret(name: str) -> dict[str, str]:
    """The base64 values of a Secret by key."""
    found = cluster.get("secret", name)
    if found is None:
        raise LookupError(f"Secret {name} is missing: is the release installed?")
    values: dict[str, str] = found["data"]
    return values


def telegram_settings() -> TelegramSettings:
    """The installation's own Telegram settings, with the data centres as this machine reaches them."""
    values = {key: base64.b64decode(value).decode() for key, value in secret("streamvault-telegram").items()}
    config = cluster.get("configmap", "streamvault-telegram") or {"data": {}}
    return TelegramSettings(
        tg_api_id=int(values["TG_API_ID"]),
        tg_api_hash=values["TG_API_HASH"],
        tg_dc_map=DC_MAP,
        tg_rsa_public_key=config["data"]["TG_RSA_PUBLIC_KEY"],
    )


if __name__ == "__main__":
    sys.exit(main())
