"""What happens when actors fail: who is restarted, who is not, in which order, and what gives way when room runs out."""
