"""Raw tables and events, and the checks at their border."""
