"""Contract checks that any test suite can run: does a part keep what its kind promises?"""
