"""What the device half takes in time, memory, size and uplink: `python -m export.benchmark`."""
