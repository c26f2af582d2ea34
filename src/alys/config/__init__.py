"""One frozen tree of settings, its schema and its errors. Read once at the front door and passed down; nothing below asks the environment."""
