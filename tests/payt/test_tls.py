"""TLS is always verified, and a certificate that isn't right is no matter of trying again."""

import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from payt_api import Backoff, PaytAuth, PaytClient, PaytForbidden, PaytTemporary, auth
from payt_api import operations as op


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """One for localhost that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture
def server(certificate, monkeypatch):
    """Speaks TLS, and keeps what reaches it."""
    # with one of these set, requests verifies whatever the session says, and the tests would tell nothing
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802
            received.append(dict(self.headers))
            self.send_response(204)
            self.end_headers()

        do_GET = do_PUT = do_POST

        def log_message(self, *args):
            pass

    running = ThreadingHTTPServer(("localhost", 0), Handler)
    running.handle_error = lambda *args: None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    running.socket = context.wrap_socket(running.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    running.received = received
    running.url = f"https://localhost:{running.server_port}"
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def client(server):
    token = PaytAuth(lambda: "token")
    with PaytClient(server.url, auth=token, administration_id="1", backoff=Backoff(attempts=3)) as made:
        yield made


def test_an_unknown_certificate_gets_neither_token_nor_data(server, client):
    with pytest.raises(PaytForbidden, match="certificate"):
        client.write_many(op.UPSERT_DEBTORS, [{"debtor_number": "1", "name": "x", "debtor_identifier": "1"}])
    assert (client.requests_sent, server.received) == (1, [])


def test_an_unknown_certificate_gets_no_upload(server, client):
    with pytest.raises(PaytForbidden, match="certificate"):
        client._transport.upload(f"{server.url}/x", b"%PDF", "application/pdf")
    assert server.received == []


def test_an_unknown_certificate_gets_no_client_secret(server):
    with pytest.raises(PaytForbidden, match="certificate"):
        auth.refresh(server.url, "id", "secret", "token")
    assert server.received == []


def test_a_certificate_that_is_known_is_talked_to(server, client, certificate, monkeypatch):
    """The test above would pass with a server that never answers."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    client._transport.upload(f"{server.url}/x", b"%PDF", "application/pdf")
    assert len(server.received) == 1


def test_a_server_that_speaks_no_tls_is_a_hiccup_not_a_forgery(sandbox):
    url = sandbox.url.replace("http:", "https:")
    token = PaytAuth(lambda: "token")
    with PaytClient(url, auth=token, administration_id="1", backoff=Backoff(attempts=1)) as client:
        with pytest.raises(PaytTemporary):
            client.administration()
