"""Plotly figures: values in, figure out; no streamlit, so they work in a notebook."""
