"""The Streamlit app: layout only; what it shows comes from medvis.explain."""
