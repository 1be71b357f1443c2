"""Puts the parts together and runs them: the account and the web server side by side in one loop."""

import asyncio
import logging
import signal
from contextlib import suppress

from streamvault_common.cooling import Cooldown
from streamvault_common.models import AuthVerdict

from .catalogue import Catalogue
from .heartbeat import Heartbeat
from .memory import MemoryKeeper
from .metrics import Metrics
from .reporting import EventReporter
from .requests.loop import RequestLoop
from .requests.messages import ChannelMessages
from .settings import WorkerSettings
from .stores.mongo_store import MongoFiles
from .stores.redis_locations import RedisLocations
from .stores.redis_requests import RedisRequests
from .stores.redis_store import RedisStore
from .stores.redis_takedowns import RedisTakedowns
from .stream.admission import Admission
from .stream.app import WorkerApp
from .stream.budget import PieceBudget
from .stream.hedge import HedgeBudget
from .stream.peers import Peers
from .stream.readahead import ReadAhead
from .stream.running import RunningReads
from .stream.transfer import Reading
from .stream.turns import Turns
from .takedowns import TakedownWatch
from .telegram.account import AccountState
from .telegram.channels import Channels
from .telegram.client import TelegramClient
from .telegram.download import Downloader
from .telegram.session_string import InvalidSessionString, parse_session_string
from .telegram.sessions import Sessions
from .telegram.verdicts import AccountDead
from .webserver import WebServer

log = logging.getLogger(__name__)

PIECES_PER_CONNECTION = 2
"""One that comes in, and one that is asked for meanwhile."""


class Service:
    """One worker."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._stop_asked = asyncio.Event()
        self._drained = asyncio.Event()
        self._metrics = Metrics()
        self._redis = RedisStore(settings.redis_url.get_secret_value(), settings.worker_name, settings.pod_uid)
        self._requests = RedisRequests(settings.redis_url.get_secret_value(), settings.worker_name)
        self._locations = RedisLocations(settings.redis_url.get_secret_value(), settings.worker_name)
        self._takedowns = RedisTakedowns(settings.redis_url.get_secret_value())
        self._running = RunningReads()
        self._mongo = MongoFiles(settings.mongodb_uri.get_secret_value(), settings.mongodb_database)
        self._reporter = EventReporter(self._redis.events, settings.worker_name)
        self._admission = Admission(settings.max_streams)
        self._turns = Turns(settings.account_window, busy=PIECES_PER_CONNECTION * settings.media_sessions)
        self._budget = PieceBudget(settings.held_pieces)
        self._read_ahead = ReadAhead(self._budget, settings.read_ahead)
        self._account = AccountState(
            self._reporter,
            self._metrics,
            Cooldown(settings.worker_name, settings.cooldown_min_seconds, settings.cooldown_jitter_percent),
        )
        if not settings.pod_uid:
            self._account.lease(held=True)
        self._downloader = Downloader(self._account, self._metrics, self._turns, settings.answer_timeout_seconds)
        self._messages = ChannelMessages(self._account, settings.answer_timeout_seconds)
        self._heartbeat = Heartbeat(
            self._redis, self._account, self._admission, settings.session_revision, settings.pod_uid
        )

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then finish the streams and return."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_asked.set)
        client = self._client()
        try:
            self._account.restore_flood(*await self._redis.last_flood())
            await asyncio.gather(
                self._web_server_task(),
                self._heartbeat.run(self._drained),
                MemoryKeeper(self._admission).run(self._drained),
                RequestLoop(self._requests, self._messages, self._account).run(self._drained),
                TakedownWatch(self._takedowns, self._running).run(self._drained),
                *([client.idle(self._drained)] if client else []),
            )
            await self._heartbeat.last_words()
        finally:
            for connections in (self._redis, self._requests, self._takedowns, self._locations):
                await connections.close()
            self._mongo.close()

    def _client(self) -> TelegramClient | None:
        """The account's client; None when the session string is none, which is the same as a dead account."""
        try:
            session = parse_session_string(self._settings.tg_session_file.read_text(encoding="ascii"))
        except (InvalidSessionString, UnicodeDecodeError) as error:
            reason = str(error) if isinstance(error, InvalidSessionString) else "not plain text"
            self._account.pronounce_dead(AccountDead(AuthVerdict.SESSION_INVALID, f"the session string is {reason}"))
            return None
        return TelegramClient(
            self._settings,
            session,
            self._account,
            self._signed_in,
        )

    def _signed_in(self, sessions: Sessions, account: str, is_bot: bool) -> None:
        channels = Channels(sessions.main, account, is_bot, self._redis, self._settings.answer_timeout_seconds)
        self._downloader.attach(sessions, account, channels, self._locations)
        self._messages.attach(sessions, channels)

    async def _web_server_task(self) -> None:
        """Serve HTTP; after the stop was asked for: be unready, let the streams end, leave."""
        peers = Peers(
            [(worker.host, worker.port) for worker in self._settings.workers],
            own=(self._settings.pod_ip, self._settings.port),
        )
        reading = Reading(
            catalogue=Catalogue(self._mongo, self._redis.withdrawn),
            source=self._downloader,
            admission=self._admission,
            turns=self._turns,
            budget=self._budget,
            read_ahead=self._read_ahead,
            peers=peers,
            metrics=self._metrics,
            reporter=self._reporter,
            window=self._settings.stream_window,
            hedges=HedgeBudget() if self._settings.hedge else None,
            running=self._running,
        )
        app = WorkerApp(reading, self._not_ready)
        server = WebServer(app, self._settings.host, self._settings.port)
        serving = asyncio.create_task(server.serve())
        stop_asked = asyncio.create_task(self._stop_asked.wait())
        await asyncio.wait({serving, stop_asked}, return_when=asyncio.FIRST_COMPLETED)
        stop_asked.cancel()
        log.info("stopping", extra={"in_flight": self._admission.in_flight})
        self._admission.stopping = True
        self._account.changed.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._admission.wait_idle(), self._settings.drain_timeout_seconds)
        self._read_ahead.clear()
        server.should_exit = True
        await serving
        await peers.close()
        self._drained.set()

    def _not_ready(self) -> str:
        if self._account.death is not None:
            return f"the session is dead: {self._account.death.verdict}"
        if self._admission.draining:
            return "draining"
        if self._account.cooling:
            return "cooling down: Telegram ordered a wait"
        return "" if self._account.authorized else "not signed in"
