"""Running other programs: output into a log file, the end of it shown when the program fails."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

Argv = Sequence[str | Path]
TAIL_LINES = 25
STILL_RUNNING_EVERY_SECONDS = 30


class CommandError(Exception):
    """A program ended with another code than 0; the message carries the end of its output."""


def run(
    argv: Argv,
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    nice: bool = False,
) -> None:
    """Run to the end, appending all output to `log`; says every half minute that it still runs. CommandError."""
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in (["nice", *argv] if nice else argv)]
    started = time.monotonic()
    with log.open("ab") as sink:
        sink.write(f"\n$ {' '.join(words)}\n".encode())
        sink.flush()
        try:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, cwd=cwd, env={**os.environ, **(env or {})}
            )
        except FileNotFoundError as error:
            raise CommandError(f"{words[0]} is not installed") from error
        while True:
            try:
                code = process.wait(STILL_RUNNING_EVERY_SECONDS)
                break
            except subprocess.TimeoutExpired:
                print(f"      … {Path(argv[0]).name} still runs after {time.monotonic() - started:.0f} s", flush=True)
    if code != 0:
        raise CommandError(f"{' '.join(words[:6])} … ended with {code}; end of {log}:\n{tail(log)}")


def show(argv: Argv, *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> int:
    """Run with the terminal as its output; returns its exit code."""
    words = [str(word) for word in argv]
    return subprocess.run(words, check=False, cwd=cwd, env={**os.environ, **(env or {})}).returncode


def output(argv: Argv, *, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    """Run to the end and return standard output, stripped. CommandError with standard error."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words, input=stdin, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})}
        )
    except FileNotFoundError as error:
        raise CommandError(f"{words[0]} is not installed") from error
    if done.returncode != 0:
        message = "\n".join((done.stderr or done.stdout).strip().splitlines()[-TAIL_LINES:])
        raise CommandError(f"{' '.join(words[:6])} … ended with {done.returncode}: {message}")
    return done.stdout.strip()


def succeeds(argv: Argv, *, env: Mapping[str, str] | None = None) -> bool:
    """Whether the program exists and ends with 0; its output is dropped."""
    try:
        output(argv, env=env)
    except CommandError:
        return False
    return True


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log file, indented for the terminal."""
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in text)
