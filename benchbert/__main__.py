"""`python -m benchbert` is the command line."""

from benchbert.cli import main

if __name__ == "__main__":
    main()
