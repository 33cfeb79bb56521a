from . import test_backend
from . import test_neutralize
from . import test_oauth
from . import test_outbox
from . import test_outbox_failures
from . import test_outbox_resources
from . import test_token
from . import test_views
