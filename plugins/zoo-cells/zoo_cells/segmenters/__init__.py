"""What finds the cells of a field: planes by what they show -> a label image."""
