"""The actor runtime: messages, mailboxes, supervision. It knows no blockchain; only loop.py knows asyncio."""
