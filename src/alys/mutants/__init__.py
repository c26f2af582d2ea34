"""Planted bugs: data about faults that are patched into the code for one run, so that the bench shows that it finds them. Only campaigns use them."""
