"""`make bench`: this package beside others, in one run, written into a page of the book."""
