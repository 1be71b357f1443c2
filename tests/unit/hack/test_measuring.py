"""`make bench-installation` measures the cluster that is named, and installs nothing."""

from pathlib import Path

import pytest

from streamvault_dev import commands, testing


def test_measuring_needs_a_cluster_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    with pytest.raises(testing.TestsFailed, match=r"nothing is not a file: set KUBECONFIG .* or run `make up`"):
        testing.bench_installation([], "", "streamvault")


@pytest.mark.parametrize("site", ["", "https://films.example"])
def test_a_cluster_of_ones_own_is_measured_where_it_is(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "kubeconfig"
    theirs.touch()
    monkeypatch.setenv("KUBECONFIG", str(theirs))
    run: list[tuple[list[str], dict[str, str]]] = []

    def show(argv: list[str], *, env: dict[str, str], cwd: Path) -> int:
        run.append(([str(word) for word in argv[1:]], env))
        return 0

    monkeypatch.setattr(commands, "show", show)
    testing.bench_installation(["--title", "reel"], site, "films")
    [(arguments, environment)] = run
    assert arguments == ["tests/bench/whole_chain.py", "--title", "reel"]
    assert (environment["KUBECONFIG"], environment["STREAMVAULT_NAMESPACE"]) == (str(theirs), "films")
    assert not site or environment["SITE_URL"] == site
