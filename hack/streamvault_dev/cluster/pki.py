"""The built cluster's certificates, by openssl: one CA, made once; a certificate again when its names change."""

from dataclasses import dataclass
from pathlib import Path

from streamvault_dev.commands import output

DAYS = "3650"
NEW_KEY = ("-newkey", "rsa:2048", "-nodes")
CA_USE = "keyUsage=critical,digitalSignature,keyCertSign,cRLSign"
"""Python 3.13 verifies strictly and refuses a CA that does not say what its key is for (RFC 5280 section 4.2.1.3)."""


@dataclass(frozen=True)
class Certificate:
    name: str
    subject: str
    extension: str


def certificates(node_name: str, node_ip: str, api_service_ip: str) -> list[Certificate]:
    """Everything the daemons show each other. The kubelet's carries its address, or `kubectl logs` fails on TLS."""
    in_cluster = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    api_names = [f"DNS:{name}" for name in (*in_cluster, "localhost")]
    api_names += [f"IP:{address}" for address in (api_service_ip, "127.0.0.1", node_ip)]
    return [
        Certificate("apiserver", "/CN=kube-apiserver", "subjectAltName=" + ",".join(api_names)),
        Certificate("admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth"),
        Certificate(
            "kubelet",
            f"/O=system:nodes/CN=system:node:{node_name}",
            f"subjectAltName=DNS:{node_name},IP:{node_ip},IP:127.0.0.1",
        ),
    ]


def ensure(folder: Path, wanted: list[Certificate]) -> None:
    """Make what is missing or names other subjects; an interrupted run leaves nothing that counts as made."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    ca_key, ca = folder / "ca.key", folder / "ca.crt"
    if not ca.is_file():
        fresh = folder / "ca.crt.new"
        subject = ["-subj", "/CN=streamvault-dev", "-days", DAYS, "-addext", CA_USE]
        output(["openssl", "req", "-x509", *NEW_KEY, "-keyout", ca_key, "-out", fresh, *subject])
        fresh.rename(ca)
        for certificate in wanted:
            (folder / f"{certificate.name}.spec").unlink(missing_ok=True)
    _ensure_service_account_keys(folder)
    for certificate in wanted:
        _ensure_certificate(folder, certificate)


def _ensure_service_account_keys(folder: Path) -> None:
    public = folder / "sa.pub"
    if not public.is_file():
        output(["openssl", "genrsa", "-out", folder / "sa.key", "2048"])
        output(["openssl", "rsa", "-in", folder / "sa.key", "-pubout", "-out", folder / "sa.pub.new"])
        (folder / "sa.pub.new").rename(public)


def _ensure_certificate(folder: Path, certificate: Certificate) -> None:
    marker = folder / f"{certificate.name}.spec"
    specification = f"{certificate.subject}\n{certificate.extension}\n"
    if marker.is_file() and marker.read_text() == specification:
        return
    key, request, extension = (folder / f"{certificate.name}.{kind}" for kind in ("key", "csr", "ext"))
    extension.write_text(certificate.extension)
    output(["openssl", "req", *NEW_KEY, "-keyout", key, "-out", request, "-subj", certificate.subject])
    authority = ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial")
    signed = ("-out", folder / f"{certificate.name}.crt", "-days", DAYS, "-extfile", extension)
    output(["openssl", "x509", "-req", "-in", request, *authority, *signed])
    marker.write_text(specification)
