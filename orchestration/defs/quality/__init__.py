"""What Great Expectations guards: the landing, and the way out."""
