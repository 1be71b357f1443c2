"""The admin bot: its connection, its commands and its reports to the Admin Channel."""
