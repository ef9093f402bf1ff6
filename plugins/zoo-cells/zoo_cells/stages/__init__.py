"""Steps of a pipeline over fields of cells."""
