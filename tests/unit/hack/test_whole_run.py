"""`make test` leaves no folder of tests out, and disturbs the installation only after all others have looked at it."""

from streamvault_dev import testing
from streamvault_dev.paths import REPOSITORY


def test_every_folder_with_tests_is_run_once() -> None:
    present = {
        f"tests/{file.relative_to(REPOSITORY / 'tests').parts[0]}" for file in REPOSITORY.glob("tests/**/test_*.py")
    }
    run = [*testing.WITHOUT_CLUSTER, *testing.WITH_CLUSTER, *testing.ALONE]
    assert sorted(run) == sorted(present)


def test_what_repeats_make_up_runs_alone() -> None:
    assert testing.ALONE == ("tests/upkeep",)
