"""The Telegram byte reader: one account, many byte ranges, one small HTTP contract."""
