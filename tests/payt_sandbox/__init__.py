"""A small PAYT over real HTTP, for tests and the demo. See README.md beside this file.

with running_sandbox() as sandbox:
    client = PaytClient(sandbox.url, auth=PaytAuth(lambda: sandbox.token), administration_id=sandbox.administration_id)
"""

from .sandbox import Sandbox, running_sandbox
