"""A finished run as data, and the writers that turn it into JUnit, JSON and HTML. Strings out, no files."""
