"""Files of the field to sections of tissue: one file, one layout."""
