"""The front door: ``front`` parses, calls one command, prints and exits; every command is a module with ``add`` and ``run``.

Nothing heavy is imported at the top of a module here: ``alys version`` and a typing error answer at once.
"""
