"""Fields of cells in which a protein was stained: where it is, known for the whole field or for each cell."""
