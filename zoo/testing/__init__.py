"""Contract checks that any test suite can run: whether a part keeps what its kind promises."""
