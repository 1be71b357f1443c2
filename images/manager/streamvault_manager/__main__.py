"""`python -m streamvault_manager`: web server, bot and reports side by side until SIGTERM."""

import asyncio
import logging
import os
import signal
import sys
import tempfile
import time

from streamvault_common import logs
from streamvault_common.settings import InvalidSetting
from streamvault_telegram.connection import trust_public_key

from . import settings
from .api.problems import TakedownAnswer
from .app import Services, create_app
from .bot.client import Bot, BotIdentity
from .bot.commands import Commands
from .bot.reports import Reporter
from .metrics import Metrics
from .services.alarms import Alarms
from .services.catalogue import Catalogue
from .services.details import DetailsEditor
from .services.grants import Grants
from .services.status import StatusReader
from .services.warming import Warmer
from .stores import redis
from .stores.edge import EdgeClient
from .stores.errors import StoreUnavailable
from .stores.mongo import MongoCatalogue
from .waiting import stopped_within
from .web import web_server_task

log = logging.getLogger(__name__)

INDEX_RETRY_SECONDS = 5.0


def main() -> int:
    """Run until stopped; 2 when a setting is missing or wrong."""
    try:
        chosen = settings.load()
        logs.setup("manager", chosen.log_level)
        logging.getLogger("pyrogram").setLevel(logging.WARNING)
        if chosen.rsa_public_key_pem:
            trust_public_key(chosen.rsa_public_key_pem)
        # pyrogram appends errors that it does not know to a file in the working directory, which is read-only in a pod.
        os.chdir(tempfile.gettempdir())
        asyncio.run(run(chosen))
    except InvalidSetting as error:
        sys.stderr.write(f"streamvault_manager: {error}\n")
        return 2
    return 0


async def run(chosen: settings.Settings) -> None:
    """Everything that the manager does, side by side; the first SIGTERM or SIGINT ends it gracefully."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    store = MongoCatalogue(chosen.mongodb_uri.get_secret_value(), chosen.mongodb_database)
    connection = redis.connect(chosen.redis_url.get_secret_value())
    metrics, alarms = Metrics(), Alarms(connection)
    bot = _bot(chosen, StatusReader(store, redis.WorkerReports(connection), chosen.app_version), metrics, alarms)
    edge = EdgeClient.connect(chosen.edge_url)
    warmer = Warmer(edge.fetch_byte, chosen.keys, metrics.warmings) if chosen.edge_url else None
    services = _services(chosen, store, metrics, alarms, warmer, stop)
    app = create_app(services, chosen.admin_api_token.get_secret_value(), debug=chosen.debug)
    tasks = [web_server_task(app, chosen.port, stop), bot.idle(stop), _prepare(store, stop)]
    if chosen.admin_channel_id is None:
        log.warning("ADMIN_CHANNEL_ID is not set: events stay unread")
    else:
        stream = redis.EventStream(connection, chosen.pod_name)
        reporter = Reporter(stream, bot, metrics, chosen.report_window_seconds, chosen.report_interval_seconds)
        tasks.append(reporter.run(stop))
    try:
        await asyncio.gather(*tasks)
    finally:
        if warmer is not None:
            await warmer.close()
        await edge.close()
        await alarms.settle()
        await connection.aclose()
        store.close()


def _services(
    chosen: settings.Settings,
    store: MongoCatalogue,
    metrics: Metrics,
    alarms: Alarms,
    warmer: Warmer | None,
    stop: asyncio.Event,
) -> Services:
    catalogue = Catalogue(store)
    granted = warmer.granted if warmer is not None else None
    return Services(
        catalogue=catalogue,
        grants=Grants(catalogue, store, chosen.keys, chosen.grant_ttl_seconds, time.time, granted),
        editor=DetailsEditor(store),
        metrics=metrics,
        serving=lambda: not stop.is_set(),
        failed=alarms.request_failed,
        takedown=TakedownAnswer(chosen.takedown_status, chosen.takedown_blocked_by),
    )


def _bot(chosen: settings.Settings, status: StatusReader, metrics: Metrics, alarms: Alarms) -> Bot:
    admins = frozenset(chosen.admin_user_ids)
    identity = BotIdentity(chosen.tg_bot_token.get_secret_value(), admins, chosen.admin_channel_id)
    commands = Commands(chosen.site_name, chosen.public_url, admins, status)
    return Bot(chosen, identity, commands, metrics, alarms.bot_failed)


async def _prepare(store: MongoCatalogue, stop: asyncio.Event) -> None:
    """Create the indexes as soon as the store answers."""
    complained = False
    while not stop.is_set():
        try:
            await store.ensure_indexes()
        except StoreUnavailable as error:
            if not complained:
                log.warning("indexes are created when the store answers: %s", error)
            complained = True
            await stopped_within(stop, INDEX_RETRY_SECONDS)
        else:
            log.info("indexes are there")
            return


if __name__ == "__main__":
    sys.exit(main())
