"""What people read of what the system knows. Services may import it; it imports schemas and realization."""
