"""python3 -m streamvault_dev <command>: what the Makefile's targets call."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from . import chat, checks, installation, locks, release, sessions, testing
from .checks import MachineUnfit
from .cluster.interface import ClusterError
from .commands import CommandError
from .images.catalogue import CatalogueError
from .images.multiplatform import build_for
from .readiness import NotReady
from .steps import run_steps

EXPECTED = (
    MachineUnfit,
    CommandError,
    ClusterError,
    CatalogueError,
    NotReady,
    chat.NobodyThere,
    sessions.SessionsRefused,
    testing.TestsFailed,
)


def main() -> int:
    """Exit code 1 with one clear message for everything that can be expected to go wrong."""
    options = parse()
    try:
        return options.act(options) or 0
    except EXPECTED as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"error: {error.filename}: permission denied; run as root, or as who owns it", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return 130


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="streamvault_dev", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, act: Callable[[argparse.Namespace], int | None], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text)
        sub.set_defaults(act=act)
        return sub

    command("up", lambda _: installation.up(), "everything on this machine")
    down = command("down", lambda o: installation.down(wipe=o.wipe), "remove the release, stop what up started")
    down.add_argument("--wipe", action="store_true", help="also delete the cluster's data")
    command("status", lambda _: 0 if installation.status() else 1, "what runs")
    command("lint", _lint, "linters and types")
    command("unit", lambda _: _prepared(testing.WITHOUT_CLUSTER), "tests without a cluster")
    test = command("test", _test, "all tests, or those of the named folders, with the cluster up")
    test.add_argument("folders", nargs="*")
    command("bench", _bench, "benchmarks of the running installation, and of its parts by themselves")
    measured = command("bench-installation", _bench_installation, "the byte path of a cluster's installation")
    measured.add_argument("--title", default="", help="a published Title; by default one of the sample library")
    measured.add_argument("--quality", default="")
    measured.add_argument("--site", default="", help="the website's address")
    measured.add_argument("--namespace", default=release.NAMESPACE)
    images = command("images", _images, "build every image and start each once")
    images.add_argument("--platform", default="")
    command("lock", _lock, "renew the lock files from their inputs")
    command("chat", lambda _: chat.main(), "talk to the bot in the local Telegram")
    swarm = command("sessions", _sessions, "declare config/workers/*.session, or make one by `login NAME`")
    swarm.add_argument("action", nargs="?", choices=("apply", "login"), default="apply")
    swarm.add_argument("name", nargs="?", default="")
    swarm.add_argument("--folder", type=Path, default=sessions.FOLDER)
    swarm.add_argument("--namespace", default=release.NAMESPACE)
    return parser.parse_args()


def _prepare() -> None:
    run_steps(installation.machine_steps()[:2])


def _prepared(folders: tuple[str, ...]) -> None:
    _prepare()
    testing.pytest(folders)


def _lint(_: argparse.Namespace) -> None:
    _prepare()
    testing.lint()


def _test(options: argparse.Namespace) -> None:
    checks.require_root("make test")
    if options.folders:
        installation.up(every_program=True)
        testing.pytest(options.folders)
        return
    installation.up(every_program=True)
    testing.everything()


def _images(options: argparse.Namespace) -> None:
    checks.require_root("make images")
    run_steps(installation.machine_steps()[:1])
    build_for(options.platform)


def _lock(_: argparse.Namespace) -> None:
    _prepare()
    locks.compile_all()


def _sessions(options: argparse.Namespace) -> int | None:
    if options.action == "login":
        run_steps(installation.machine_steps()[1:2])
        return sessions.login(options.name, options.folder.absolute())
    sessions.apply(options.folder, sessions.swarm_of(os.environ, options.namespace))
    return None


def _bench(_: argparse.Namespace) -> None:
    installation.up(every_program=True)
    testing.bench()


def _bench_installation(options: argparse.Namespace) -> None:
    run_steps(installation.machine_steps()[1:2])
    named = {"--title": options.title, "--quality": options.quality}
    arguments = [text for pair in named.items() if pair[1] for text in pair]
    testing.bench_installation(arguments, options.site, options.namespace)


if __name__ == "__main__":
    sys.exit(main())
