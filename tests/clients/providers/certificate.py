"""Makes an authority for one run, and a certificate of it for host names."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def signed(subject, key, issuer, issuer_key, extension):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer or name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(extension, critical=True)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def make(directory: Path, hosts: list[str]) -> tuple[Path, Path]:
    """The files of the authority's certificate, and of key and certificate for the hosts and 127.0.0.1."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    basic = x509.BasicConstraints(ca=True, path_length=0)
    authority = signed("Authority of one test", authority_key, None, authority_key, basic)
    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    names = x509.SubjectAlternativeName([loopback, *(x509.DNSName(host) for host in hosts)])
    certificate = signed(hosts[0], key, authority.subject, authority_key, names)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    ca_file, server_file = directory / "authority.pem", directory / "server.pem"
    ca_file.write_bytes(pem(authority))
    server_file.write_bytes(private + pem(certificate))
    return ca_file, server_file
