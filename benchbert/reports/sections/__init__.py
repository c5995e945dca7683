"""Sections of the report, one file each; a section whose data is missing is left out."""
