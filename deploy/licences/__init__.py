"""The licences of everything that this checkout locks, and which licences are allowed."""
