"""What an accepted event changes. Runs only after every rule has agreed, and cannot refuse."""
