"""What is written of cells: tables, masks and pictures."""
