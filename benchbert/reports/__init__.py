"""From results to a leaderboard, tables and one self-contained HTML page; sections one file each."""
