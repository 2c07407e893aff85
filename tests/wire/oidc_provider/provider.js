// An OpenID provider for tests: node provider.js PORT KEYS
//
// Whoever types a name is logged in under it. Access tokens are opaque, except for these resources (RFC 8707), whose name says
// how they are signed, and for whom they are made:
//   https://files.test/RS256  https://files.test/ES256  JWT for the audience "files"; https://files.test/short: for three seconds,
//   https://files.test/poor: without the scope files.read
//   https://files.test/opaque  opaque, for the same audience
//   https://other.test/RS256   JWT for the audience "other"
// KEYS is a file that keeps the signing keys; POST /rotate replaces them, GET /asked counts requests by path.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [port, file] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const asked = {};

function makeKeys() {
  const pairs = [
    ["RS256", generateKeyPairSync("rsa", { modulusLength: 2048 })],
    ["ES256", generateKeyPairSync("ec", { namedCurve: "P-256" })],
  ];
  const keys = pairs.map(([alg, pair]) => ({ ...pair.privateKey.export({ format: "jwk" }), alg, kid: randomUUID(), use: "sig" }));
  writeFileSync(file, JSON.stringify({ keys }));
  return { keys };
}

function person(id) {
  return {
    sub: `id-of-${id}`,
    preferred_username: id,
    name: `${id} of the tests`,
    email: `${id}@example.org`,
    // "many" is in so many groups that the token has more than 30 KB
    realm_access: { roles: id === "many" ? Array.from({ length: 1500 }, (_, at) => `group-number-${at}`) : ["physics"] },
  };
}

function resource(name) {
  const { hostname, pathname } = new URL(name);
  const alg = { "/RS256": "RS256", "/ES256": "ES256", "/short": "ES256", "/poor": "ES256" }[pathname];
  return {
    scope: pathname === "/poor" ? "files.write" : "files.read files.write",
    audience: hostname.split(".")[0],
    accessTokenTTL: pathname === "/short" ? 3 : 600,
    ...(alg ? { accessTokenFormat: "jwt", jwt: { sign: { alg } } } : { accessTokenFormat: "opaque" }),
  };
}

function makeProvider(jwks) {
  const provider = new Provider(issuer, {
    jwks,
    clients: [
      {
        // the desktop client's own registration
        client_id: "xdXOt13JKxym1B1QcEncf2XDkLAexMBFwiT9j6EfhhHFJhs2KM9jbjTmf8JBXE69",
        client_secret: "UBntmLjC2yYCeHwsyj73Uwo9TAaecAetRwMw0xYcvNL9yRdLSUi0hUAHfvCHFeFh",
        application_type: "native",
        redirect_uris: ["http://127.0.0.1", "http://localhost"],
        grant_types: ["authorization_code", "refresh_token"],
      },
      // the gateway's pages for people with a browser; on loopback any port will do
      {
        client_id: "pages",
        client_secret: "another secret: with %, + and &",
        application_type: "native",
        redirect_uris: ["http://127.0.0.1/login/oidc/callback"],
        grant_types: ["authorization_code"],
      },
      // ownCloud Web, which has no secret; its pages are the gateway's, on any port
      {
        client_id: "web",
        token_endpoint_auth_method: "none",
        application_type: "native",
        redirect_uris: ["http://127.0.0.1/oidc-callback.html"],
        grant_types: ["authorization_code", "refresh_token"],
      },
      // the gateway, which only asks about tokens
      { client_id: "gateway", client_secret: "a secret: with %, + and &", redirect_uris: [], response_types: [], grant_types: [] },
    ],
    claims: { openid: ["sub"], profile: ["name", "preferred_username", "realm_access"], email: ["email"] },
    cookies: { keys: ["for tests only"] },
    features: {
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, name) => resource(name),
      },
    },
    clientBasedCORS: (ctx, origin, client) => client.clientId === "web",
    findAccount: (ctx, sub) => ({ accountId: sub, claims: () => person(sub.replace(/^id-of-/, "")) }),
    extraTokenClaims: (ctx, token) => person(token.accountId.replace(/^id-of-/, "")),
    pkce: { required: () => true },
    scopes: ["openid", "offline_access", "files.read", "files.write"],
  });
  return provider.callback();
}

let answer = makeProvider(existsSync(file) ? JSON.parse(readFileSync(file)) : makeKeys());
const server = createServer((request, response) => {
  const path = new URL(request.url, issuer).pathname;
  if (path === "/rotate") {
    answer = makeProvider(makeKeys());
    response.end();
  } else if (path === "/asked") {
    response.end(JSON.stringify(asked));
  } else {
    asked[path] = (asked[path] ?? 0) + 1;
    answer(request, response);
  }
});
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
