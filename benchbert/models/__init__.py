"""Model families, one file each (data and FamilyAdapter), and what builds a resolved model."""
