"""From an HTTP range to pieces of Telegram files and back to one byte stream; knows no Telegram library."""
