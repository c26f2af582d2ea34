"""Builds a World, the environment a scenario runs in: simulated or local. Behind one Protocol."""
