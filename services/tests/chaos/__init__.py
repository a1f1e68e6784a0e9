"""Faults of processes, servers and networks, made on purpose; afterwards the books must balance."""
