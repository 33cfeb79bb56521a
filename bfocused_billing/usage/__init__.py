"""Call records: reading suppliers' files, rating and booking them. Set-based SQL, so that a million rows take seconds."""

from .booking import Booking
from .fields import BigInteger
from .layout import DATE_FORMATS, ENCODINGS, normalize_number
from .loader import Loader
