"""The pure numpy kernel: arrays in, arrays and plain dataclasses out; no Django, clock or randomness."""
