"""Longer scenarios of the suite: they run where ``test_environment.comprehensive`` asks for them."""
