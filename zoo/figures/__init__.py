"""Figures and tables as a page shows them: what they are, how they look, and how they become SVG and PNG."""
