"""How it all is now: what `flux doctor` finds, and how fresh each asset is, as checks."""
