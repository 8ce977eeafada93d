"""Floor 1: spaces; torch only."""
