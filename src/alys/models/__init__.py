"""Stand-ins for the services round the node, sans I/O and blind to each other and to our own rules."""
