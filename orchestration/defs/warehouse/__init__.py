"""What readers open."""
