"""Play grants: who may watch gets signed links for one film or one episode."""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from streamvault_common.api import PlayGrant, PlaySource, PlayTrack
from streamvault_common.documents import (
    DetailsDocument,
    StoredFile,
    Subtitle,
    TitleDocument,
    TitleFile,
    TitleKind,
)
from streamvault_common.signing import Grant, LinkKeys, Tier, download_scope, play_scope, sign, subtitle_scope
from streamvault_manager.stores.mongo import MongoCatalogue

from .catalogue import Catalogue
from .errors import EpisodeNeeded, NothingPlayable
from .projection import best_first

_EXTENSIONS = {"video/mp4": "mp4", "video/webm": "webm", "video/x-matroska": "mkv"}
_NOT_IN_FILE_NAMES = re.compile(r"[^\w.()&',+-]+")
_MAX_WORD = 100


@dataclass(frozen=True)
class Viewer:
    """Who a grant is made for."""

    tier: Tier
    user: str

    @classmethod
    def anonymous(cls) -> "Viewer":
        """A guest that cannot be told from another one."""
        return cls(Tier.GUEST, f"g{secrets.token_hex(8)}")


class Grants:
    """Makes play grants; `now` gives Unix seconds, `granted` is told which files a grant holds."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: MongoCatalogue,
        keys: LinkKeys,
        ttl_seconds: int,
        now: Callable[[], float],
        granted: Callable[[Sequence[TitleFile]], None] | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._keys = keys
        self._ttl_seconds = ttl_seconds
        self._now = now
        self._granted = granted

    async def play(self, title_id: str, episode: int | None, viewer: Viewer) -> PlayGrant:
        """Links for a film or an episode, best quality first.

        Raises TitleUnknown, TitleGone, EpisodeNeeded or NothingPlayable.
        """
        title, details = await self._catalogue.visible(title_id)
        require_fitting_episode(title.kind, episode)
        stored = await self._store.files(title_id)
        wanted = [file for file in best_first(title.files) if file.episode == episode]
        playable = [file for file in wanted if file.fid in stored and not stored[file.fid].blocked]
        if not playable:
            raise NothingPlayable(title_id if episode is None else f"{title_id} episode {episode}")
        links = _Links(self._keys, viewer, int(self._now()) + self._ttl_seconds)
        sources = tuple(links.source(title, details, file, stored[file.fid]) for file in playable)
        tracks = tuple(
            links.track(track)
            for track in details.subtitles
            if track.episode == episode and track.fid in stored and not stored[track.fid].blocked
        )
        if self._granted is not None:
            self._granted(playable)
        return PlayGrant(
            title=title.id,
            episode=episode,
            tier=viewer.tier.value,
            expires_at=links.expires_at,
            sources=sources,
            tracks=tracks,
        )


def require_fitting_episode(kind: TitleKind, episode: int | None) -> None:
    """A season is played by episode, a film as a whole; raises EpisodeNeeded."""
    if kind is TitleKind.SEASON and episode is None:
        raise EpisodeNeeded("episode is required for a season")
    if kind is TitleKind.MOVIE and episode is not None:
        raise EpisodeNeeded("episode is only for seasons; this is a film")


def download_name(title: TitleDocument, file: TitleFile, content_type: str) -> str:
    """File name that a download is saved under, like `Night.Signals.S01E02.720p.mp4`."""
    if title.series is not None and file.episode is not None:
        words = [title.series.name, f"S{title.series.season:02}E{file.episode:02}", file.quality]
    else:
        words = [title.display_name, str(title.year or ""), file.quality]
    stem = ".".join(filter(None, (_NOT_IN_FILE_NAMES.sub(".", word)[:_MAX_WORD].strip(".") for word in words)))
    return f"{stem}.{_EXTENSIONS.get(content_type, 'bin')}"


@dataclass(frozen=True)
class _Links:
    keys: LinkKeys
    viewer: Viewer
    expires_at: int

    def source(self, title: TitleDocument, details: DetailsDocument, file: TitleFile, stored: StoredFile) -> PlaySource:
        play, download = play_scope(file.fid, file.gen), download_scope(file.fid, file.gen)
        name = quote(download_name(title, file, stored.content_type), safe="")
        return PlaySource(
            quality=file.quality,
            url=f"{play}?t={self._token(play)}",
            download_url=f"{download}/{name}?t={self._token(download)}",
            size_bytes=file.size_bytes,
            content_type=stored.content_type,
            codecs=details.codecs.get(file.name),
        )

    def track(self, track: Subtitle) -> PlayTrack:
        scope = subtitle_scope(track.fid)
        return PlayTrack(
            language=track.language,
            label=track.label,
            url=f"{scope}/{track.language}.vtt?t={self._token(scope)}",
        )

    def _token(self, scope: str) -> str:
        return sign(self.keys, Grant(scope, self.expires_at, self.viewer.tier, self.viewer.user))
