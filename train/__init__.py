"""Floor 7: from a Run to a run folder."""
