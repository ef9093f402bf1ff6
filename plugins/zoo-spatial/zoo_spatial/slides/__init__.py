"""Stained images: files opened, windows cut from them, tissue found on them."""
