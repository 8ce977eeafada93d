"""Opens the app on the embedded default: simulated films, three small trained runs, no network."""
