"""TLS in front of the instant upstream: one more nginx, with a certificate of its own for localhost."""

import subprocess

from .options import Refused

TERMINATOR = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/tls.pid;
error_log {folder}/tls-error.log warn;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path {folder}/tls-body; proxy_temp_path {folder}/tls-proxy;
  fastcgi_temp_path {folder}/tls-fastcgi; uwsgi_temp_path {folder}/tls-uwsgi; scgi_temp_path {folder}/tls-scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 75s;
  client_max_body_size 0;
  upstream instant {{ server 127.0.0.1:{upstream}; keepalive 4096; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} ssl backlog=4096;
    ssl_certificate {folder}/tls.crt;
    ssl_certificate_key {folder}/tls.key;
    ssl_session_cache shared:tls:1m;
    location / {{
      proxy_pass http://instant;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
    }}
  }}
}}
"""


#: A certificate of a server, which is no authority: clients refuse one that is both.
CERTIFICATE = """
[req]
distinguished_name = name
x509_extensions = server
[name]
[server]
subjectAltName = DNS:localhost
basicConstraints = critical, CA:FALSE
"""


def configure(folder, port, upstream):
    """Writes key, certificate and configuration; the path of the last."""
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-subj", "/CN=localhost", "-days", "2", "-config", folder / "openssl.cnf",
               "-keyout", folder / "tls.key", "-out", folder / "tls.crt"]
    (folder / "openssl.cnf").write_text(CERTIFICATE)
    try:
        made = subprocess.run(request, check=False, capture_output=True)
    except FileNotFoundError:
        raise Refused("--tls needs openssl, to make a certificate") from None
    if made.returncode != 0:
        raise Refused(f"openssl made no certificate: {made.stderr.decode().strip()}")
    path = folder / "tls.conf"
    path.write_text(TERMINATOR.format(folder=folder, port=port, upstream=upstream))
    return path
