"""One frozen tree of settings, its schema and its errors, and the logging that it asks for. Read once at the front door and passed down; nothing below asks the environment."""
