"""The one place that points pyrogram at other servers than Telegram's own; shared by manager, worker and hack/."""
