"""What Great Expectations guards at the landing."""
