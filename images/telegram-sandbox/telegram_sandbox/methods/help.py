"""help.*: configuration of the service."""

import time

from pyrogram.raw import functions, types

from telegram_sandbox.call import Call
from telegram_sandbox.dispatch import Access, handles


@handles(functions.help.GetConfig, Access.ANYONE)
async def get_config(call: Call, _request: functions.help.GetConfig) -> types.Config:
    """Every data centre at the address that clients can reach."""
    now = int(time.time())
    options = [
        types.DcOption(id=dc_id, ip_address=call.backend.address(dc_id)[0], port=call.backend.address(dc_id)[1])
        for dc_id in sorted(call.backend.ports)
    ]
    return types.Config(
        date=now,
        expires=now + 3600,
        test_mode=False,
        this_dc=call.dc_id,
        dc_options=options,
        dc_txt_domain_name="",
        chat_size_max=200,
        megagroup_size_max=200_000,
        forwarded_count_max=100,
        online_update_period_ms=210_000,
        offline_blur_timeout_ms=5_000,
        offline_idle_timeout_ms=30_000,
        online_cloud_timeout_ms=300_000,
        notify_cloud_delay_ms=30_000,
        notify_default_delay_ms=1_500,
        push_chat_period_ms=60_000,
        push_chat_limit=2,
        edit_time_limit=172_800,
        revoke_time_limit=2_147_483_647,
        revoke_pm_time_limit=2_147_483_647,
        rating_e_decay=2_419_200,
        stickers_recent_limit=200,
        channels_read_media_period=604_800,
        call_receive_timeout_ms=20_000,
        call_ring_timeout_ms=90_000,
        call_connect_timeout_ms=30_000,
        call_packet_timeout_ms=10_000,
        me_url_prefix="https://t.me/",
        caption_length_max=1024,
        message_length_max=4096,
        webfile_dc_id=4,
    )


@handles(functions.help.GetNearestDc, Access.ANYONE)
async def get_nearest_dc(call: Call, _request: functions.help.GetNearestDc) -> types.NearestDc:
    """The data centre asked."""
    return types.NearestDc(country="ZZ", this_dc=call.dc_id, nearest_dc=2)


@handles(functions.help.GetAppConfig, Access.ANYONE)
async def get_app_config(_call: Call, _request: functions.help.GetAppConfig) -> types.help.AppConfig:
    """The limits that clients look up here."""
    limits = {"upload_max_fileparts_default": 4000, "upload_max_fileparts_premium": 8000}
    values = [
        types.JsonObjectValue(key=name, value=types.JsonNumber(value=float(value))) for name, value in limits.items()
    ]
    return types.help.AppConfig(hash=1, config=types.JsonObject(value=values))


@handles(functions.help.GetTermsOfServiceUpdate)
async def get_terms_update(
    _call: Call, _request: functions.help.GetTermsOfServiceUpdate
) -> types.help.TermsOfServiceUpdateEmpty:
    """No terms."""
    return types.help.TermsOfServiceUpdateEmpty(expires=int(time.time()) + 86_400)
