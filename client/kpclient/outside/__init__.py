"""What others publish about the trade: customs data, summaries, estimates; and how it differs."""
