"""What Telegram remembers: accounts, channels, messages, documents and keys, all on disk."""
