"""The static site: one HTML file for each dashboard, which opens from disk with no server and no network."""
