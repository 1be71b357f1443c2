"""A takedown that nothing hinders: what all tests about faults compare with."""

import pytest
from fault_stage import Stage

pytestmark = pytest.mark.cluster


async def test_a_takedown_leaves_nothing_behind(stage: Stage) -> None:
    await stage.start()
    await stage.moderator()
    await stage.publish("film", 1, 2, 3)
    stage.take_down("film")
    await stage.until_reason("film", "SourcePurged", "True/Verified")
    await stage.until_reason("film", "MirrorsPurged", "True/Verified")
    await stage.restart(minutes_later=1)
    await stage.until_title("film", "TakenDown")
    assert await stage.traces("film", 1, 2, 3) == []
