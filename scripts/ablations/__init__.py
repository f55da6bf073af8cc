"""What `scripts/run_ablations.py` is made of: no part of the library."""
