"""Who a node is to the others: an Ed25519 key, and TLS 1.3 contexts in which both ends prove that they hold theirs.

Theory of operation. A federation's peer list names a public key per peer and no certificates. TLS wants certificates, so the one of
a key is a pure function of it: signed with a key that everybody can compute, constant in all else. That signature means nothing
and is trusted nowhere; what is trusted are exactly the certificates of the keys on the list, each as its own anchor. A stranger
fails in the handshake. Whoever replays a peer's certificate, which is no secret, fails at the proof that it holds the key.
After the handshake the key that was proved says who the peer is; nothing that it claims does.
"""

import datetime
import hashlib
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID

SECRET_BYTES = 32
PUBLIC_BYTES = 32

_SIGNER = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"alys wire certificates").digest())
_BEGIN = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_END = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
"""RFC 5280, 4.1.2.5: for a certificate that has no well-defined expiration date."""


class BadWireKey(ValueError):
    """A key that is none; says whose."""


class Contexts(msgspec.Struct, frozen=True, kw_only=True):
    """What both roles of a node's connections need."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    names: Mapping[bytes, str]
    """Peer by certificate (DER)."""

    def peer_of(self, connection: ssl.SSLObject | None) -> str | None:
        """Who proved to be at the other end of a connection; None: nobody on the list."""
        shown = None if connection is None else connection.getpeercert(binary_form=True)
        return None if shown is None else self.names.get(shown)


def public_of(secret: bytes) -> bytes:
    """The public key (32 bytes) of a secret one (32 bytes)."""
    return _private(secret).public_key().public_bytes_raw()


def certificate(public: bytes) -> x509.Certificate:
    """The certificate of a key: equal keys have equal certificates."""
    if len(public) != PUBLIC_BYTES:
        raise BadWireKey(f"a network key has {PUBLIC_BYTES} bytes, not {len(public)}")
    builder = x509.CertificateBuilder(
        issuer_name=_name("alys wire"),
        subject_name=_name(public.hex()),
        public_key=Ed25519PublicKey.from_public_bytes(public),
        serial_number=1 + int.from_bytes(hashlib.sha256(public).digest()[:8], "big"),
        not_valid_before=_BEGIN,
        not_valid_after=_END,
    )
    return builder.sign(_SIGNER, None)


def contexts(secret: bytes, peers: Mapping[str, bytes]) -> Contexts:
    """For the holder of the secret, which knows these peers by name and public key. Raises BadWireKey."""
    own = _private(secret)
    by_name = {name: _certificate_of(name, public) for name, public in peers.items()}
    trusted = "".join(_pem(one) for one in by_name.values())
    chain = _pem(certificate(public_of(secret))).encode() + own.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Contexts(
        server=_context(ssl.PROTOCOL_TLS_SERVER, chain, trusted),
        client=_context(ssl.PROTOCOL_TLS_CLIENT, chain, trusted),
        names={one.public_bytes(serialization.Encoding.DER): name for name, one in by_name.items()},
    )


def _certificate_of(name: str, public: bytes) -> x509.Certificate:
    try:
        return certificate(public)
    except ValueError as error:
        raise BadWireKey(f"peer {name}: {error}") from error


def _context(role: int, chain: bytes, trusted: str) -> ssl.SSLContext:
    context = ssl.SSLContext(role)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the key says who it is, not the address
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if trusted:
        context.load_verify_locations(cadata=trusted)
    if role == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0  # every connection proves its key anew
    with tempfile.TemporaryDirectory() as folder:  # only its owner can look into it
        path = Path(folder) / "chain.pem"
        path.write_bytes(chain)
        context.load_cert_chain(path)
    return context


def _private(secret: bytes) -> Ed25519PrivateKey:
    if len(secret) != SECRET_BYTES:
        raise BadWireKey(f"a network secret has {SECRET_BYTES} bytes, not {len(secret)}")
    return Ed25519PrivateKey.from_private_bytes(secret)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(one: x509.Certificate) -> str:
    return one.public_bytes(serialization.Encoding.PEM).decode()
