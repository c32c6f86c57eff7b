"""The page of a dataset: its card, what its columns look like, and what the baseline found; one file, no script."""

from training.page.page import page_path, write_page

__all__ = ["page_path", "write_page"]
