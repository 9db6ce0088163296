"""Names of object identifiers that certificates use, and where each list comes from."""

from __future__ import annotations

from itertools import product

# RFC 4514, section 3, and the short names that openssl and X.520 give to further attribute types.
ATTRIBUTES = {
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "street",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.13": "description",
    "2.5.4.15": "businessCategory",
    "2.5.4.16": "postalAddress",
    "2.5.4.17": "postalCode",
    "2.5.4.18": "postOfficeBox",
    "2.5.4.20": "telephoneNumber",
    "2.5.4.41": "name",
    "2.5.4.42": "GN",
    "2.5.4.43": "initials",
    "2.5.4.44": "generationQualifier",
    "2.5.4.45": "x500UniqueIdentifier",
    "2.5.4.46": "dnQualifier",
    "2.5.4.65": "pseudonym",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}

RSA, RSA_PSS, DSA, EC = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.10040.4.1", "1.2.840.10045.2.1"
RSA_X500 = "2.5.8.1.1"  # X.509 (1988), Annex: plain RSA under an older name
DSA_OLD = "1.3.14.3.2.12"  # OIW: DSA before X9.57
DH_PKCS3, DH_X942 = "1.2.840.113549.1.3.1", "1.2.840.10046.2.1"

# RFC 9909, section 3: the twelve parameter sets of FIPS 205, numbered from 20.
SLH_DSA = {
    f"2.16.840.1.101.3.4.3.{number}": f"SLH-DSA-{family}-{size}"
    for number, (family, size) in enumerate(
        product(("SHA2", "SHAKE"), ("128s", "128f", "192s", "192f", "256s", "256f")), 20
    )
}

# Public keys whose algorithm says everything: name and size in bits (RFC 8410, 9215; NIST's arc for FIPS 203 to 205).
PLAIN_KEYS: dict[str, tuple[str, int | None]] = {
    "1.3.101.110": ("X25519", 253),
    "1.3.101.111": ("X448", 448),
    "1.3.101.112": ("Ed25519", 256),
    "1.3.101.113": ("Ed448", 456),
    "2.16.840.1.101.3.4.3.17": ("ML-DSA-44", None),
    "2.16.840.1.101.3.4.3.18": ("ML-DSA-65", None),
    "2.16.840.1.101.3.4.3.19": ("ML-DSA-87", None),
    "2.16.840.1.101.3.4.4.1": ("ML-KEM-512", None),
    "2.16.840.1.101.3.4.4.2": ("ML-KEM-768", None),
    "2.16.840.1.101.3.4.4.3": ("ML-KEM-1024", None),
    "1.2.643.2.2.20": ("GOST R 34.10-94", 1024),
    "1.2.643.2.2.19": ("GOST R 34.10-2001", 256),
    "1.2.643.7.1.1.1.1": ("GOST R 34.10-2012", 256),
    "1.2.643.7.1.1.1.2": ("GOST R 34.10-2012", 512),
    **dict.fromkeys(("1.3.14.7.2.1.1", "1.3.6.1.4.1.3029.1.2.1"), ("ElGamal", None)),
    "2.16.840.1.101.2.1.1.22": ("KEA", None),
    **{oid: (name, None) for oid, name in SLH_DSA.items()},
}

# RFC 3279, 4055, 4357, 5758, 8410, 9215, 9881, 9909: the names that openssl prints.
SIGNATURES = {
    "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
    "1.2.840.113549.1.1.3": "md4WithRSAEncryption",
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.3.14.3.2.3": "md5WithRSA",
    "1.3.14.3.2.15": "shaWithRSAEncryption",
    "1.3.14.3.2.29": "sha1WithRSA",
    "1.3.36.3.3.1.2": "ripemd160WithRSA",
    "1.2.840.113549.1.1.10": "rsassaPss",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
    "1.2.840.113549.1.1.15": "sha512-224WithRSAEncryption",
    "1.2.840.113549.1.1.16": "sha512-256WithRSAEncryption",
    "2.16.840.1.101.3.4.3.13": "RSA-SHA3-224",
    "2.16.840.1.101.3.4.3.14": "RSA-SHA3-256",
    "2.16.840.1.101.3.4.3.15": "RSA-SHA3-384",
    "2.16.840.1.101.3.4.3.16": "RSA-SHA3-512",
    "1.2.156.10197.1.504": "sm3WithRSAEncryption",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.2": "ecdsa-with-Recommended",
    "1.2.840.10045.4.3": "ecdsa-with-Specified",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "2.16.840.1.101.3.4.3.9": "ecdsa_with_SHA3-224",
    "2.16.840.1.101.3.4.3.10": "ecdsa_with_SHA3-256",
    "2.16.840.1.101.3.4.3.11": "ecdsa_with_SHA3-384",
    "2.16.840.1.101.3.4.3.12": "ecdsa_with_SHA3-512",
    "1.2.840.10040.4.3": "dsaWithSHA1",
    "1.3.14.3.2.13": "dsaWithSHA",
    "1.3.14.3.2.27": "dsaWithSHA1-old",
    "2.16.840.1.101.3.4.3.1": "dsa_with_SHA224",
    "2.16.840.1.101.3.4.3.2": "dsa_with_SHA256",
    "2.16.840.1.101.3.4.3.3": "dsa_with_SHA384",
    "2.16.840.1.101.3.4.3.4": "dsa_with_SHA512",
    "2.16.840.1.101.3.4.3.5": "dsa_with_SHA3-224",
    "2.16.840.1.101.3.4.3.6": "dsa_with_SHA3-256",
    "2.16.840.1.101.3.4.3.7": "dsa_with_SHA3-384",
    "2.16.840.1.101.3.4.3.8": "dsa_with_SHA3-512",
    "1.2.643.2.2.3": "GOST R 34.11-94 with GOST R 34.10-2001",
    "1.2.643.2.2.4": "GOST R 34.11-94 with GOST R 34.10-94",
    "1.2.643.7.1.1.3.2": "GOST R 34.10-2012 with GOST R 34.11-2012 (256 bit)",
    "1.2.643.7.1.1.3.3": "GOST R 34.10-2012 with GOST R 34.11-2012 (512 bit)",
    "1.2.156.10197.1.501": "SM2-with-SM3",
    "1.3.101.112": "ED25519",
    "1.3.101.113": "ED448",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
    "2.16.840.1.101.3.4.3.32": "HASH-ML-DSA-44-WITH-SHA512",
    "2.16.840.1.101.3.4.3.33": "HASH-ML-DSA-65-WITH-SHA512",
    "2.16.840.1.101.3.4.3.34": "HASH-ML-DSA-87-WITH-SHA512",
    **SLH_DSA,
}

# RFC 5280, section 4.2, and the extensions most often met beside it.
EXTENSIONS = {
    "2.5.29.1": "authorityKeyIdentifierOld",
    "2.5.29.9": "subjectDirectoryAttributes",
    "2.5.29.14": "subjectKeyIdentifier",
    "2.5.29.15": "keyUsage",
    "2.5.29.16": "privateKeyUsagePeriod",
    "2.5.29.17": "subjectAltName",
    "2.5.29.18": "issuerAltName",
    "2.5.29.19": "basicConstraints",
    "2.5.29.30": "nameConstraints",
    "2.5.29.31": "cRLDistributionPoints",
    "2.5.29.32": "certificatePolicies",
    "2.5.29.33": "policyMappings",
    "2.5.29.35": "authorityKeyIdentifier",
    "2.5.29.36": "policyConstraints",
    "2.5.29.37": "extKeyUsage",
    "2.5.29.46": "freshestCRL",
    "2.5.29.54": "inhibitAnyPolicy",
    "1.3.6.1.5.5.7.1.1": "authorityInfoAccess",
    "1.3.6.1.5.5.7.1.3": "qcStatements",
    "1.3.6.1.5.5.7.1.11": "subjectInfoAccess",
    "1.3.6.1.5.5.7.1.24": "tlsFeature",
    "1.3.6.1.5.5.7.48.1.5": "ocspNoCheck",
    "1.3.6.1.4.1.11129.2.4.2": "signedCertificateTimestampList",
    "1.3.6.1.4.1.11129.2.4.3": "precertificatePoison",
    "1.3.6.1.4.1.311.20.2": "microsoftCertificateType",
    "1.3.6.1.4.1.311.21.1": "microsoftCaVersion",
    "1.3.6.1.4.1.311.21.7": "microsoftCertificateTemplate",
    "1.3.6.1.4.1.311.21.10": "microsoftApplicationPolicies",
    "2.16.840.1.113730.1.1": "netscapeCertType",
    "2.16.840.1.113730.1.2": "netscapeBaseUrl",
    "2.16.840.1.113730.1.3": "netscapeRevocationUrl",
    "2.16.840.1.113730.1.4": "netscapeCaRevocationUrl",
    "2.16.840.1.113730.1.8": "netscapeCaPolicyUrl",
    "2.16.840.1.113730.1.13": "netscapeComment",
}

# RFC 5280, section 4.2.1.12, and neighbours.
PURPOSES = {
    "2.5.29.37.0": "any purpose",
    "1.3.6.1.5.5.7.3.1": "TLS server",
    "1.3.6.1.5.5.7.3.2": "TLS client",
    "1.3.6.1.5.5.7.3.3": "code signing",
    "1.3.6.1.5.5.7.3.4": "e-mail protection",
    "1.3.6.1.5.5.7.3.8": "time stamping",
    "1.3.6.1.5.5.7.3.9": "OCSP signing",
    "1.3.6.1.4.1.311.10.3.3": "Microsoft server gated crypto",
    "1.3.6.1.4.1.311.20.2.2": "Microsoft smart card logon",
    "2.16.840.1.113730.4.1": "Netscape server gated crypto",
}
