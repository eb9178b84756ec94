"""Declares a route that ignores keys: `dependencies=[PUBLIC]`."""

from fastapi import Depends


async def anyone() -> None:
    """Lets every request through."""


PUBLIC = Depends(anyone)
