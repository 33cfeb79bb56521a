"""Call records: reading suppliers' files, rating and booking them. Set-based, in SQL."""

from .booking import UsageBooking
from .fields import BigInteger, LooseMany2one
from .known import reference_key
from .layout import DATE_FORMATS, ENCODINGS, add_plus, normalize_class, normalize_number
from .loader import Loader
from .rebooking import UsageRebooking
