"""The pytest plugin: options, the world fixture, the recorder, the verdict."""
