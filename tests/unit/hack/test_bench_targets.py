"""A benchmark that misses its target says so and ends with an error."""

import json
from pathlib import Path

import bench_targets
import pytest
from bench_targets import Figure, report

FAST = Figure("speed", 130.0, "MB/s", at_least=120)
SLOW = Figure("speed", 119.9, "MB/s", at_least=120)
LATE = Figure("takedown", 2.1, "s", at_most=2)


@pytest.mark.parametrize(
    ("figures", "status", "verdicts"),
    [
        ([FAST], 0, ["pass"]),
        ([FAST, SLOW], 1, ["pass", "MISSED"]),
        ([LATE, FAST], 1, ["MISSED", "pass"]),
        ([FAST, Figure("memory", 5, "MiB")], 0, ["pass", ""]),
        ([Figure("exact", 2, "s", at_most=2), Figure("exact", 120, "MB/s", at_least=120)], 0, ["pass", "pass"]),
    ],
)
def test_missed_target_is_shown_and_is_an_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    figures: list[Figure],
    status: int,
    verdicts: list[str],
) -> None:
    monkeypatch.setattr(bench_targets, "RESULTS", tmp_path)
    assert report("sample", figures) == status
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [("MISSED" in line) - ("pass" in line) for line in lines] == [
        {"MISSED": 1, "pass": -1, "": 0}[verdict] for verdict in verdicts
    ]
    written = json.loads((tmp_path / "sample.json").read_text())
    assert [one["met"] for one in written] == [verdict != "MISSED" for verdict in verdicts]
