"""`python -m pandiff` is `pandiff`."""

from pandiff.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
