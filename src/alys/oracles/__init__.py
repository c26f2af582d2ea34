"""What must hold, computed from outside the node out of public interfaces. Shares no arithmetic with what it judges."""
