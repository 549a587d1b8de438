import { createHash, generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The secrets of one data directory: made at the first start, kept in `keys.json` (mode 600).
 * @param {string} data
 */
export function loadKeys(data) {
  const path = join(data, "keys.json");
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8"));
  const keys = {
    publishable_key: opaqueKey("sb_publishable_"),
    secret_key: opaqueKey("sb_secret_"),
    postgres_password: random(24),
    supabase_admin_password: random(24),
    internal_secret: random(48),
    signing_key: signingKey(),
  };
  // Renamed into place, so a start that is cut short leaves no half of it.
  writeFileSync(`${path}.new`, JSON.stringify(keys, null, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return keys;
}

function random(bytes) {
  return randomBytes(bytes).toString("base64url");
}

/** Supabase's shape: prefix, 22 random characters, underscore, 8 characters of checksum. */
function opaqueKey(prefix) {
  const body = prefix + random(16);
  return `${body}_${createHash("sha256").update(body).digest("base64url").slice(0, 8)}`;
}

/** A private JWK for ES256, as a hosted project signs its users' access tokens with. */
function signingKey() {
  // Encoded as it is made: `KeyObject.export` holds the key's lock, and if the garbage collector then frees
  // the job that made the key, that waits for the same lock, for ever.
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "jwk" },
    privateKeyEncoding: { type: "pkcs8", format: "jwk" },
  });
  return { ...privateKey, kid: randomUUID(), alg: "ES256", use: "sig" };
}
