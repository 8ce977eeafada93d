"""Floor 6: what can be said of a run: arrays in, values and figures out; no streamlit."""
