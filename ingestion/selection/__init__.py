"""Selection and privacy: which tables and columns leave the source, and in which form they land."""
