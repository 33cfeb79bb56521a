from . import access_log
from . import oauth
from . import webhook
