// Requests to the gateway, and what its answers say. Names and messages are text: nothing here makes a document of them.

const DAV = "DAV:";
const OC = "http://owncloud.org/ns";
const BEGIN = "<d:response>";
const END = "</d:response>";
const WANTED = `<d:propfind xmlns:d="${DAV}" xmlns:oc="${OC}"><d:prop><d:resourcetype/><d:getcontentlength/><d:getlastmodified/>` +
  "<oc:permissions/><oc:fileid/><oc:size/></d:prop></d:propfind>";
// XML that the gateway has written is read here and nowhere else.
const rules = { createHTML: (text) => text };
const trusted = window.trustedTypes ? window.trustedTypes.createPolicy("clawgate-xml", rules) : rules;

export const OURS = { "X-Requested-With": "XMLHttpRequest" };

const WORDS = {
  0: "The server cannot be reached.",
  401: "Your login has ended. Log in again.",
  403: "You may not do this.",
  404: "It is not there any more.",
  405: "It is there already.",
  409: "The folder is not there any more.",
  412: "Something with this name is there already.",
  413: "This is larger than what is taken here.",
  423: "Somebody has locked it.",
  429: "Too much at once. Try again in a moment.",
  503: "The server is busy, or its storage is away. Try again in a moment.",
  507: "There is no room left.",
};

export class Failure extends Error {
  constructor(status, detail = "") {
    super(WORDS[status] ?? (detail || `The server answered ${status}.`));
    this.status = status;
    this.detail = detail;
  }
}

function parse(text) {
  return new DOMParser().parseFromString(trusted.createHTML(text), "application/xml");
}

// What an answer says of a failure: XML of WebDAV, else plain text.
export function failure(status, kind, text) {
  if (kind.includes("xml")) {
    const found = parse(text).getElementsByTagNameNS("http://sabredav.org/ns", "message")[0];
    return new Failure(status, found?.textContent ?? "");
  }
  return new Failure(status, kind.startsWith("text/plain") ? text.trim() : "");
}

export async function ask(method, path, { headers = {}, body } = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, headers: { ...OURS, ...headers }, body, cache: "no-store", redirect: "error" });
    if (answer.ok) return answer;
    const text = await answer.text();
    throw failure(answer.status, answer.headers.get("Content-Type") ?? "", text);
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(0);
  }
}

export async function json(path) {
  return (await ask("GET", path)).json();
}

export function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// The last name in an address.
export function nameOf(path) {
  return decoded(path.replace(/\/$/, "").split("/").pop());
}

function entry(response) {
  const text = (space, name) => response.getElementsByTagNameNS(space, name)[0]?.textContent ?? "";
  const href = text(DAV, "href");
  const folder = response.getElementsByTagNameNS(DAV, "collection").length > 0;
  return {
    href,
    name: nameOf(href),
    folder,
    id: text(OC, "fileid"),
    size: Number(text(folder ? OC : DAV, folder ? "size" : "getcontentlength")) || 0,
    time: Date.parse(text(DAV, "getlastmodified")),
    may: text(OC, "permissions"),
  };
}

// What is in a folder, some entries at a time; the first one is the folder itself.
export async function* list(path, signal) {
  const headers = { Depth: "1", "Content-Type": "application/xml" };
  const answer = await ask("PROPFIND", path, { headers, body: WANTED });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let head = "";
  let text = "";
  for (;;) {
    const { value, done } = await reader.read().catch(() => { throw new Failure(0); });
    if (signal.aborted) {
      await reader.cancel();
      return;
    }
    text += value ?? "";
    if (!head && text.includes(BEGIN)) {
      head = text.slice(0, text.indexOf(BEGIN));
      text = text.slice(head.length);
    }
    const end = text.lastIndexOf(END);
    if (head && end >= 0) {
      const piece = text.slice(0, end + END.length);
      text = text.slice(piece.length);
      yield Array.from(parse(`${head}${piece}</d:multistatus>`).getElementsByTagNameNS(DAV, "response"), entry);
    }
    if (done) break;
  }
  if (!text.includes("</d:multistatus>")) throw new Failure(0, "The list broke off.");
}

export async function makeFolder(path) {
  await ask("MKCOL", path);
}

export async function remove(path) {
  await ask("DELETE", path);
}

export async function rename(path, name) {
  const above = path.replace(/\/$/, "").replace(/[^/]*$/, "");
  await ask("MOVE", path, { headers: { Destination: above + encodeURIComponent(name), Overwrite: "F" } });
}

// Lets the browser fetch something by itself: it gets an address that is good for a while, because it sends no headers of ours.
export async function download(path) {
  const answer = await ask("POST", "/page/address", { body: JSON.stringify({ path }) });
  const link = document.createElement("a");
  link.href = (await answer.json()).address;
  link.download = "";
  link.click();
}
