"""What keeps the book honest: the checks, the re-executor and the Sphinx extension."""
