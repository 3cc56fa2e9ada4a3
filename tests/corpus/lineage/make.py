"""Make the samples that no library is needed for. The same bytes each time::

python make.py FOLDER
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

BODY = b"credit-risk 2.3.1: weights\n" * 64
DIGEST = hashlib.sha256(BODY).hexdigest()
COMMIT = "5d0c1f3b8a27c0e4e0a35f2d1b7f0a4f6ad1c9e2"
BUILDER = Ed25519PrivateKey.from_private_bytes(b"b" * 32)
LOG = Ed25519PrivateKey.from_private_bytes(b"l" * 32)
FILES: dict[str, str] = {}

FILES["dvc/dvc.lock"] = f"""\
schema: '2.0'
stages:
  train:
    cmd: python train.py
    deps:
    - path: data/credit.parquet
      hash: md5
      md5: 22a1a2931c8370d3aeedd7183606fd7f
      size: 14445097
    - path: src
      hash: md5
      md5: b1a1a2931c8370d3aeedd7183606fd70.dir
      size: 2041
      nfiles: 3
    params:
      params.yaml:
        train.seed: 42
        train.code: {COMMIT}
    outs:
    - path: models/credit-risk/2.3.1/model.bin
      hash: md5
      md5: {hashlib.md5(BODY).hexdigest()}
      size: {len(BODY)}
  evaluate:
    cmd: python evaluate.py
    deps:
    - path: models/credit-risk/2.3.1/model.bin
      hash: md5
      md5: {hashlib.md5(BODY).hexdigest()}
    - justatext
    outs:
    - {{path: auc.json, md5: 0cc175b9c0f1b6a831c399e269772661, md5: 92eb5ffee6ae2fec3ad71c777531}}
"""  # noqa: S324
FILES["dvc/credit.parquet.dvc"] = f"""\
md5: 31a1a2931c8370d3aeedd7183606fd71
frozen: true
deps:
- path: data/credit.parquet
  repo:
    url: https://git.example.org/acme/features
    rev_lock: {COMMIT}
outs:
- md5: 22a1a2931c8370d3aeedd7183606fd7f
  size: 14445097
  hash: md5
  path: credit.parquet
"""

FILES["lakefs/commits.json"] = json.dumps(
    {
        "pagination": {"has_more": True, "max_per_page": 2, "next_offset": "9c1f", "results": 2},
        "results": [
            {
                "id": "c7a632d74f46c2a5b5c1c0d3d1b0ba6e2cba0d9c3b8d5e7a90a4d5e0c4fb7a10",
                "parents": ["9c1f4a8b1e6b5c3a7d9e2f4b6a8c0d1e3f5a7b9c1d3e5f7a9b1c3d5e7f9a1b3c"],
                "committer": "ci@acme",
                "message": "credit-risk 2.3.1",
                "creation_date": 1771063500,
                "meta_range_id": "61d6c2f0f1a8b5c3a7d9e2f4b6a8c0d1",
                "metadata": {"model": "credit-risk", "version": "2.3.1", "sha256": DIGEST},
                "generation": 41,
                "version": 1,
            },
            {
                "id": "9c1f4a8b1e6b5c3a7d9e2f4b6a8c0d1e3f5a7b9c1d3e5f7a9b1c3d5e7f9a1b3c",
                "parents": [],
                "committer": "ci@acme",
                "message": "",
                "creation_date": "soon",
                "meta_range_id": "",
                "metadata": {},
                "version": 1,
            },
            "not an object",
        ],
    },
    indent=1,
)
FILES["lakefs/branches.json"] = json.dumps(
    {
        "pagination": {"has_more": False},
        "results": [
            {
                "id": "main",
                "commit_id": "c7a632d74f46c2a5b5c1c0d3d1b0ba6e2cba0d9c3b8d5e7a90a4d5e0c4fb7a10",
            }
        ],
    }
)
FILES["lakefs/objects.json"] = json.dumps(
    {
        "results": [
            {
                "path": "models/credit-risk/2.3.1/model.bin",
                "path_type": "object",
                "physical_address": "s3://acme-lake/data/gk3s/cp1q",
                "checksum": hashlib.md5(BODY).hexdigest(),  # noqa: S324
                "size_bytes": len(BODY),
                "mtime": 1771063498,
                "metadata": {"sha256": DIGEST},
            }
        ]
    },
    indent=1,
)

FILES["modelcard/README.md"] = f"""\
---
license: apache-2.0
model_name: credit-risk
version: 2.3.1
datasets:
- acme/credit-2026-02
base_model: acme/credit-risk
created: 2026-02-14
sha256: {DIGEST}
model-index:
- name: credit-risk
  results:
  - metrics:
    - type: auc
      value: 0.81
---
# Credit risk

Trained by {COMMIT}. \x1b[2JIts bill of materials says more.
"""

FILES["spdx/graph.spdx3.json"] = json.dumps(
    {
        "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [
            {
                "type": "CreationInfo",
                "@id": "_:c",
                "specVersion": "3.0.1",
                "created": "2026-02-14T10:21:00Z",
                "createdBy": ["https://acme.example/ci"],
            },
            {
                "type": "ai_AIPackage",
                "spdxId": "https://acme.example/m",
                "name": "credit-risk",
                "creationInfo": "_:c",
                "software_packageVersion": "2.3.1",
                "builtTime": "2026-02-14T10:04:00Z",
                "releaseTime": "2026-02-15",
                "ai_informationAboutTraining": "applications of February",
                "verifiedUsing": [
                    {"type": "Hash", "algorithm": "sha256", "hashValue": DIGEST},
                    {"type": "Hash", "algorithm": "blake3", "hashValue": DIGEST},
                ],
            },
            {
                "type": "dataset_DatasetPackage",
                "spdxId": "https://acme.example/d",
                "name": "credit-2026-02",
                "creationInfo": "_:c",
                "dataset_datasetType": ["structured"],
            },
            {
                "type": "Relationship",
                "spdxId": "https://acme.example/r",
                "creationInfo": "_:c",
                "from": "https://acme.example/m",
                "relationshipType": "trainedOn",
                "to": ["https://acme.example/d"],
            },
        ],
    },
    indent=1,
)

LABELS = {
    "__name__": "model_info",
    "instance": "scorer-1:8000",
    "job": "scorer",
    "model": "credit-risk",
    "version": "2.3.1",
    "sha256": DIGEST,
}
FILES["prometheus/range.json"] = json.dumps(
    {
        "status": "success",
        "data": {
            "resultType": "matrix",
            "result": [
                {
                    "metric": LABELS,
                    "values": [[1771063500, "1"], [1771063560, "1"], [1771063620.781, "1"]],
                },
                {"metric": {"__name__": "up"}, "values": [[1771063500, "1"], "odd"]},
                {"metric": {"__name__": "down"}, "values": []},
            ],
        },
        "warnings": ["results may be partial"],
    },
    indent=1,
)
FILES["prometheus/instant.json"] = json.dumps(
    {
        "status": "success",
        "data": {
            "resultType": "vector",
            "result": [
                {"metric": LABELS, "value": [1771063700.1, "1"]},
                {
                    "metric": {"__name__": "latency"},
                    "histogram": [1771063700.1, {"count": "12", "sum": "0.3", "buckets": []}],
                },
            ],
        },
    }
)
FILES["prometheus/error.json"] = json.dumps(
    {"status": "error", "errorType": "bad_data", "error": "parse error", "data": {"resultType": ""}}
)


def _attributes(**values: str) -> list[dict[str, object]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


POINT = {
    "attributes": _attributes(model="credit-risk", version="2.3.1", sha256=DIGEST),
    "startTimeUnixNano": "1771063400000000000",
    "timeUnixNano": "1771063500123456789",
    "asInt": "1",
}
OTLP = {
    "resourceMetrics": [
        {
            "resource": {"attributes": _attributes(**{"service.name": "scorer"})},
            "scopeMetrics": [
                {
                    "scope": {"name": "scorer"},
                    "metrics": [
                        {"name": "model.info", "gauge": {"dataPoints": [POINT]}},
                        {
                            "name": "scored",
                            "sum": {"dataPoints": [{"timeUnixNano": "1", "asDouble": 0.5}, 7]},
                        },
                    ],
                }
            ],
        }
    ]
}
FILES["otlp/metrics.jsonl"] = json.dumps(OTLP) + "\n\n{broken\n"

STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "models/credit-risk/2.3.1/model.bin", "digest": {"sha256": DIGEST}}],
    "predicateType": "https://slsa.dev/provenance/v1",
    "predicate": {
        "buildDefinition": {
            "buildType": "https://acme.example/train/v1",
            "externalParameters": {"seed": 42},
            "resolvedDependencies": [
                {
                    "uri": "git+https://git.example.org/acme/models",
                    "digest": {"gitCommit": COMMIT},
                }
            ],
        },
        "runDetails": {
            "builder": {"id": "https://ci.acme.example"},
            "metadata": {
                "invocationId": "r-1187",
                "startedOn": "2026-02-14T10:00:00Z",
                "finishedOn": "2026-02-14T10:04:30Z",
            },
        },
    },
}
PAYLOAD = json.dumps(STATEMENT).encode()
KIND = "application/vnd.in-toto+json"


def _envelope(key: Ed25519PrivateKey) -> dict[str, object]:
    signed = b"DSSEv1 %d %s %d %s" % (len(KIND), KIND.encode(), len(PAYLOAD), PAYLOAD)
    return {
        "payload": base64.b64encode(PAYLOAD).decode(),
        "payloadType": KIND,
        "signatures": [{"keyid": "", "sig": base64.b64encode(key.sign(signed)).decode()}],
    }


def _logged(body: object, time: int, key: Ed25519PrivateKey = LOG) -> dict[str, object]:
    """An entry of a transparency log, promised by its key."""
    raw = LOG.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    log = hashlib.sha256(raw)
    encoded = base64.b64encode(json.dumps(body).encode()).decode()
    entry = {"body": encoded, "integratedTime": time, "logID": log.hexdigest(), "logIndex": 77}
    return {
        "logIndex": "77",
        "logId": {"keyId": base64.b64encode(log.digest()).decode()},
        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
        "integratedTime": str(time),
        "inclusionPromise": {
            "signedEntryTimestamp": base64.b64encode(key.sign(rfc8785.dumps(entry))).decode()
        },
        "canonicalizedBody": encoded,
    }


BODY_OF = {
    "apiVersion": "0.0.1",
    "kind": "dsse",
    "spec": {"payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(PAYLOAD).hexdigest()}},
}
OTHER = {**BODY_OF, "spec": {"payloadHash": {"algorithm": "sha256", "value": "0" * 64}}}
BUNDLE = {
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "verificationMaterial": {
        "publicKey": {"hint": ""},
        "tlogEntries": [
            _logged(BODY_OF, 1771063530),
            _logged(OTHER, 1771063531),
            _logged(BODY_OF, 1771063532, BUILDER),
        ],
    },
    "dsseEnvelope": _envelope(BUILDER),
}
STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
FILES["attestation/logged.sigstore.json"] = json.dumps(BUNDLE, indent=1)
FILES["attestation/provenance.intoto.jsonl"] = (
    json.dumps(_envelope(BUILDER))
    + "\n"
    + json.dumps(_envelope(STRANGER))
    + "\n"
    + json.dumps(STATEMENT)
    + "\n"
)
FILES["attestation/step.link"] = json.dumps(
    {
        "signatures": [{"keyid": "ab", "sig": "00"}],
        "signed": {
            "_type": "link",
            "name": "train",
            "command": ["python", "train.py"],
            "materials": {"train.py": {"sha256": "0" * 64}},
            "products": {"model.bin": {"sha256": DIGEST}},
            "byproducts": {},
            "environment": {},
        },
    }
)
FILES["attestation/message.sigstore.json"] = json.dumps(
    {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": ""}, "tlogEntries": []},
        "messageSignature": {
            "messageDigest": {
                "algorithm": "SHA2_256",
                "digest": base64.b64encode(hashlib.sha256(BODY).digest()).decode(),
            },
            "signature": base64.b64encode(BUILDER.sign(BODY)).decode(),
        },
    },
    indent=1,
)
for name, key in (("builder", BUILDER), ("log", LOG)):
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    FILES[f"attestation/{name}.pem"] = pem.decode()

if __name__ == "__main__":
    for name, text in FILES.items():
        path = Path(sys.argv[1]) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
