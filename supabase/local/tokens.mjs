import { SignJWT, compactVerify, importJWK } from "jose";

/**
 * The tokens of the stack. Users hold ES256 tokens, as on a hosted project. What only travels inside, between
 * the gateway and PostgREST or auth, is HS256 with a secret that never leaves the data directory.
 * @param {Awaited<ReturnType<typeof import("./keys.mjs").loadKeys>>} keys
 * @param {string} url the gateway's address
 */
export async function createTokens(keys, url) {
  const { d: _private, ...publicJwk } = keys.signing_key;
  const header = { alg: "ES256", typ: "JWT", kid: publicJwk.kid };
  const privateKey = await importJWK(keys.signing_key, "ES256");
  const publicKey = await importJWK(publicJwk, "ES256");
  const secret = new TextEncoder().encode(keys.internal_secret);
  const signInside = (claims) => new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(secret);

  return {
    /** What /auth/v1/.well-known/jwks.json says. */
    jwks: { keys: [publicJwk] },

    /** The keys that PostgREST trusts: the users' and the gateway's own. */
    postgrestJwks: {
      keys: [publicJwk, { kty: "oct", k: Buffer.from(secret).toString("base64url"), alg: "HS256" }],
    },

    /** The token that stands for an opaque key on its way to PostgREST. */
    roleTokens: {
      anon: await signInside({ iss: "supabase", role: "anon" }),
      service_role: await signInside({ iss: "supabase", role: "service_role" }),
    },

    /** A user's token as hosted Supabase Auth issues it, from the claims of the one that auth made. */
    async issue(innerToken, user) {
      const claims = JSON.parse(Buffer.from(innerToken.split(".")[1], "base64url"));
      const now = { method: "password", timestamp: claims.iat };
      return new SignJWT({
        iss: `${url}/auth/v1`,
        ...claims,
        email: claims.email ?? "",
        phone: user?.phone ?? "",
        app_metadata: user?.app_metadata ?? {},
        user_metadata: user?.user_metadata ?? {},
        aal: "aal1",
        amr: [now],
        is_anonymous: user?.is_anonymous ?? false,
      })
        .setProtectedHeader(header)
        .sign(privateKey);
    },

    /** The token that auth knows, from a user's; anything not signed by us goes on unchanged, to be refused. */
    async unwrap(token) {
      try {
        const { payload } = await compactVerify(token, publicKey, { algorithms: ["ES256"] });
        return await signInside(JSON.parse(new TextDecoder().decode(payload)));
      } catch {
        return token;
      }
    },
  };
}
