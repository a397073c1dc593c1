"""``python -m kpnode``."""

from kpnode.main import main

if __name__ == "__main__":
    main()
