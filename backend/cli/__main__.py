"""`python -m backend.cli`: the command where the console script is not on the path."""

from backend.cli import main

if __name__ == "__main__":
    main()
