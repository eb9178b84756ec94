"""How a route says that it looks at no key: `dependencies=[PUBLIC]`."""

from fastapi import Depends


async def anyone() -> None:
    """Lets every request through."""


PUBLIC = Depends(anyone)
