// Ask node's jose about a JWK: {"jwk", "alg"} on standard input, {"thumbprint", "imported", "error"} on standard output.
// `imported` says whether jose takes the key for that algorithm, `thumbprint` is its own RFC 7638 SHA-256.
import { readFileSync } from "node:fs";
import { calculateJwkThumbprint, importJWK } from "jose";

const { jwk, alg } = JSON.parse(readFileSync(0, "utf8"));
const answer = { thumbprint: null, imported: false, error: null };
try {
  answer.thumbprint = await calculateJwkThumbprint(jwk, "sha256");
  const key = await importJWK(jwk, alg ?? undefined);
  answer.imported = key.type === "public";
} catch (error) {
  answer.error = String(error);
}
process.stdout.write(JSON.stringify(answer));
