"""Settings that cannot work are refused with the name of the variable."""

import pytest

from streamvault_common.settings import Address, InvalidSetting, TelegramSettings, parse_dc_map


def test_a_map_names_each_data_centre_or_a_range_of_them() -> None:
    assert parse_dc_map("1=a:4431, 2-3=b:4432") == {
        1: Address(host="a", port=4431),
        2: Address(host="b", port=4432),
        3: Address(host="b", port=4432),
    }
    assert parse_dc_map("") == {}


@pytest.mark.parametrize("text", ["1", "x=a:1", "1=a", "1=a:b", "1-=:2", "=a:1"])
def test_a_broken_map_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="TG_DC_MAP"):
        parse_dc_map(text)


@pytest.mark.parametrize("half", [{"tg_dc_map": "1=a:1"}, {"tg_rsa_public_key": "-----BEGIN"}])
def test_own_servers_need_both_the_map_and_the_key(half: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="TG_DC_MAP and TG_RSA_PUBLIC_KEY together"):
        TelegramSettings(tg_api_id=1, tg_api_hash="x", **half)  # type: ignore[arg-type]
