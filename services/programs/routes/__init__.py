"""The paths of programs, one module per resource."""
