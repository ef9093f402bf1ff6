"""What makes pages of the site; mkdocs puts this folder on the path of imports."""
