"""The node's actors. They touch the world only through their context and the refs in ports.py."""
