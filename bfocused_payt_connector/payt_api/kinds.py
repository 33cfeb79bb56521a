"""What a field of a request holds, as an annotation on its type.

Which text a text is, money or day, is not in PAYT's description but in the vendor's prose. :mod:`.guard` writes and
checks values by it.
"""

from enum import Enum
from typing import Annotated

from .wire import CHECKSUM_LENGTH


class Kind(Enum):
    """What a text holds."""

    MONEY = "money"
    NUMBER = "number"
    DAY = "day"
    MOMENT = "moment"
    CHECKSUM = f"checksum of {CHECKSUM_LENGTH} characters"
    COUNTRY = "country code (ISO 3166, two letters)"
    CURRENCY = "currency code (ISO 4217, three letters)"
    NULLABLE = "may be null"


Money = Annotated[str, Kind.MONEY]
Number = Annotated[str, Kind.NUMBER]
Day = Annotated[str, Kind.DAY]
Moment = Annotated[str, Kind.MOMENT]
Checksum = Annotated[str, Kind.CHECKSUM]
Country = Annotated[str, Kind.COUNTRY]
Currency = Annotated[str, Kind.CURRENCY]
