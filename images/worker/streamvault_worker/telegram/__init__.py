"""Everything that speaks to Telegram: one account, its sessions, channels, messages and file pieces."""
