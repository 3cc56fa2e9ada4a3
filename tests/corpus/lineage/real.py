"""Make the samples that real programs write, each by its own library.

In an environment of its own, as the project needs none of them::

    uv venv programs && VIRTUAL_ENV=programs uv pip install \\
        openlineage-python==1.54.0 cyclonedx-python-lib==11.12.0 spdx-tools==0.8.5 \\
        model-signing==1.1.1 pyopenssl
    programs/bin/python real.py FOLDER

Signatures and the ids of runs differ from run to run; what the corpus holds is one of them.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

BODY = b"credit-risk 2.3.1: weights\n" * 64
COMMIT = "5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f6ad1c9e2"
DAY = datetime(2026, 2, 14, 10, 5, tzinfo=UTC)


def openlineage(folder: Path) -> None:
    """A run of a training job, by the client's file transport."""
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import (
        InputDataset,
        Job,
        OutputDataset,
        Run,
        RunEvent,
        RunState,
    )
    from openlineage.client.facet_v2 import dataset_version_dataset, source_code_location_job
    from openlineage.client.transport.file import FileConfig, FileTransport

    client = OpenLineageClient(
        transport=FileTransport(FileConfig(log_file_path=str(folder / "events.jsonl"), append=True))
    )
    location = source_code_location_job.SourceCodeLocationJobFacet(
        type="git", url="https://git.example.org/acme/models", version=COMMIT
    )
    digest = hashlib.sha256(BODY).hexdigest()
    version = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=digest)
    run = Run(runId=str(uuid.UUID("019c5b5e-4f00-7c3e-9a77-3f1d6c8e2b10")))
    job = Job(namespace="ml", name="train.credit-risk", facets={"sourceCodeLocation": location})
    for state, when in ((RunState.START, DAY), (RunState.COMPLETE, DAY + timedelta(minutes=4))):
        client.emit(
            RunEvent(
                eventType=state,
                eventTime=when.isoformat(),
                run=run,
                job=job,
                producer="https://git.example.org/acme/train",
                inputs=[InputDataset(namespace="s3://features", name="credit/2026-02-13.parquet")],
                outputs=[
                    OutputDataset(
                        namespace="s3://acme-models",
                        name="models/credit-risk/2.3.1/model.bin",
                        facets={"version": version},
                    )
                ]
                if state == RunState.COMPLETE
                else [],
            )
        )


def cyclonedx(folder: Path) -> None:
    """A bill of materials with a model."""
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    model = Component(
        name="credit-risk",
        version="2.3.1",
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(BODY).hexdigest())],
    )
    data = Component(name="credit/2026-02-13.parquet", type=ComponentType.DATA, bom_ref="data")
    bom = Bom(components=[model, data], serial_number=uuid.UUID(int=231))
    bom.metadata.timestamp = DAY + timedelta(minutes=15)
    bom.register_dependency(model, [data])
    (folder / "bom.json").write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n")


def spdx(folder: Path) -> None:
    """A document of SPDX 2.3 with a model and its file."""
    from spdx_tools.spdx.model import (
        Actor,
        ActorType,
        Checksum,
        ChecksumAlgorithm,
        CreationInfo,
        Document,
        File,
        Package,
        Relationship,
        RelationshipType,
        SpdxNoAssertion,
    )
    from spdx_tools.spdx.writer.write_anything import write_file

    digest = [Checksum(ChecksumAlgorithm.SHA256, hashlib.sha256(BODY).hexdigest())]
    sha1 = Checksum(ChecksumAlgorithm.SHA1, hashlib.sha1(BODY).hexdigest())  # noqa: S324
    info = CreationInfo(
        "SPDX-2.3", "SPDXRef-DOCUMENT", "credit-risk-2.3.1",
        "https://acme.example/spdx/credit-risk-2.3.1", [Actor(ActorType.TOOL, "release-1.4")],
        datetime(2026, 2, 14, 10, 21),  # noqa: DTZ001  (the library writes it as UTC)
    )  # fmt: skip
    package = Package(
        "SPDXRef-model", "credit-risk", SpdxNoAssertion(), version="2.3.1", checksums=digest,
        built_date=datetime(2026, 2, 14, 10, 4), files_analyzed=False,  # noqa: DTZ001
    )  # fmt: skip
    file = File("./model.bin", "SPDXRef-file", [sha1, *digest])
    describes = Relationship("SPDXRef-DOCUMENT", RelationshipType.DESCRIBES, "SPDXRef-model")
    document = Document(info, [package], [file], relationships=[describes])
    write_file(document, str(folder / "sbom.spdx.json"), validate=False)


def attestation(folder: Path) -> None:
    """A model signed with a key, and with a certificate of an own root."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    scratch = folder / "scratch"
    model = scratch / "credit-risk"
    model.mkdir(parents=True)
    (model / "model.bin").write_bytes(BODY)
    (model / "config.json").write_text('{"seed": 42}\n')
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("release", "root", "leaf")}
    for name, key in keys.items():
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (scratch / name).write_bytes(pem)
    public = keys["release"].public_key()
    (folder / "release.pem").write_bytes(
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    names = {
        name: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"acme {name}")])
        for name in keys
    }
    for name, issuer in (("root", "root"), ("leaf", "root")):
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[name])
            .issuer_name(names[issuer])
            .public_key(keys[name].public_key())
            .serial_number(231 + len(name))
            .not_valid_before(DAY - timedelta(days=30))
            .not_valid_after(DAY + timedelta(days=7300))
            .add_extension(
                x509.BasicConstraints(ca=name == "root", path_length=None), critical=True
            )
        )
        usage = {
            "digital_signature": True, "content_commitment": False, "key_encipherment": False,
            "data_encipherment": False, "key_agreement": False, "key_cert_sign": name == "root",
            "crl_sign": False, "encipher_only": False, "decipher_only": False,
        }  # fmt: skip
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        if name == "leaf":
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
            )
        made = builder.sign(keys[issuer], hashes.SHA256())
        (scratch / f"{name}.crt").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "root.crt").write_bytes((scratch / "root.crt").read_bytes())
    sign = [sys.executable, "-m", "model_signing", "sign"]
    subprocess.run(
        [*sign, "key", str(model), "--private_key", str(scratch / "release"), "--signature",
         str(folder / "model.sig")], check=True,
    )  # fmt: skip
    subprocess.run(
        [*sign, "certificate", str(model), "--private_key", str(scratch / "leaf"),
         "--signing_certificate", str(scratch / "leaf.crt"), "--certificate_chain",
         str(scratch / "root.crt"), "--signature", str(folder / "certified.sig")], check=True,
    )  # fmt: skip
    subprocess.run(["rm", "-r", str(scratch)], check=True)


if __name__ == "__main__":
    for make in (openlineage, cyclonedx, spdx, attestation):
        own = Path(sys.argv[1]) / make.__name__
        own.mkdir(parents=True, exist_ok=True)
        make(own)
