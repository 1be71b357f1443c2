"""Steps run in order, are skipped while their result stands, and can be repeated after an interruption."""

from pathlib import Path

import pytest

from streamvault_dev.commands import CommandError, output, run
from streamvault_dev.steps import Stamp, Step, run_steps


class Work:
    """A step's result, and how often it was made."""

    def __init__(self, name: str, *, fails: int = 0) -> None:
        self.name = name
        self.made = 0
        self._fails = fails

    def step(self) -> Step:
        return Step(self.name, f"make {self.name}", lambda: self.made > 0, self._act)

    def _act(self) -> None:
        if self._fails:
            self._fails -= 1
            raise CommandError("broken")
        self.made += 1


def test_second_run_does_nothing() -> None:
    works = [Work("one"), Work("two")]
    assert run_steps(work.step() for work in works) == ["one", "two"]
    assert run_steps(work.step() for work in works) == []
    assert [work.made for work in works] == [1, 1]


def test_run_after_a_failure_goes_on_where_it_ended() -> None:
    works = [Work("one"), Work("two", fails=1), Work("three")]
    with pytest.raises(CommandError):
        run_steps(work.step() for work in works)
    assert run_steps(work.step() for work in works) == ["two", "three"]
    assert [work.made for work in works] == [1, 1, 1]


def test_each_step_prints_what_it_does_and_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    ticks = iter([10.0, 12.5])
    run_steps([Work("images").step()], clock=lambda: next(ticks))
    assert capsys.readouterr().out.splitlines() == ["  >   images: make images", "  ok  images (2.5 s)"]


def test_stamp_stands_only_for_the_inputs_it_was_made_for(tmp_path: Path) -> None:
    stamp = Stamp(tmp_path / "stamps/library")
    assert not stamp.matches("a")
    stamp.write("a")
    assert stamp.matches("a")
    assert not stamp.matches("b")
    stamp.clear()
    assert not stamp.matches("a")


def test_failed_program_shows_the_end_of_its_output(tmp_path: Path) -> None:
    log = tmp_path / "logs/step.log"
    with pytest.raises(CommandError, match="the real reason") as failed:
        run(["sh", "-c", "echo the real reason >&2; exit 3"], log=log)
    assert "ended with 3" in str(failed.value)
    assert "the real reason" in log.read_text()


def test_missing_program_is_named(tmp_path: Path) -> None:
    for call in (lambda: output(["no-such-program"]), lambda: run(["no-such-program"], log=tmp_path / "log")):
        with pytest.raises(CommandError, match="no-such-program is not installed"):
            call()


def test_captured_program_reports_its_standard_error() -> None:
    assert output(["printf", " x \n"]) == "x"
    with pytest.raises(CommandError, match="no such thing"):
        output(["sh", "-c", "echo no such thing >&2; exit 1"])
