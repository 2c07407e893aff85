// Uploads by TUS 1.0.0: an upload is created, its pieces follow, and after a failure the server says where it stands.

import { ask, failure, Failure, makeFolder, OURS } from "./dav.js";

const PIECE = 10 * 1024 * 1024;
const AT_ONCE = 2;
const TRIES = 8; // without a byte of progress
const FIRST_WAIT = 500; // milliseconds, then twice as long each time
const LONGEST_WAIT = 30000;
const TUS = { "Tus-Resumable": "1.0.0" };

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

export class Upload {
  constructor(file, folder, largest, changed) {
    this.file = file;
    this.folder = folder;
    this.piece = largest > 0 ? Math.min(PIECE, largest) : PIECE;
    this.changed = changed; // called whenever there is something new to show
    this.state = "waiting"; // running, done, failed, exists, ended
    this.problem = "";
    this.sent = 0;
    this.replace = false;
    this.address = "";
    this.request = null;
  }

  get over() {
    return this.state === "done" || this.state === "ended";
  }

  show(state, problem = "") {
    if (this.state === "ended") return;
    this.state = state;
    this.problem = problem;
    this.changed(this);
  }

  async run() {
    this.show("running");
    try {
      await this.transfer();
      this.sent = this.file.size;
      this.show("done");
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.show(error.status === 412 && !this.replace ? "exists" : "failed", error.message);
    }
  }

  async transfer() {
    let tries = 0;
    while (this.state !== "ended") {
      const before = this.sent;
      try {
        if (!this.address) await this.create();
        else await this.look();
        while (this.state !== "ended" && this.sent < this.file.size) {
          await this.patch();
          tries = 0;
        }
        return;
      } catch (error) {
        if (!(error instanceof Failure) || !this.passes(error)) throw error;
        tries = this.sent > before ? 1 : tries + 1;
        if (tries > TRIES) throw error;
        this.show("running", "The connection broke; going on in a moment.");
        await this.wait(Math.min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT));
        this.show("running");
      }
    }
  }

  // Whether it is worth trying again.
  passes(error) {
    if ((error.status === 404 || error.status === 410) && this.address) {
      this.address = ""; // It took too long: from the beginning.
      this.sent = 0;
      return true;
    }
    return [0, 409, 423, 429, 500, 502, 503, 504].includes(error.status) && (this.address || error.status !== 409);
  }

  async create() {
    const metadata = `filename ${base64(this.file.name)},mtime ${base64(String(this.file.lastModified / 1000))}`;
    const headers = { ...TUS, "Upload-Length": String(this.file.size), "Upload-Metadata": metadata };
    if (!this.replace) headers["If-None-Match"] = "*";
    const answer = await ask("POST", this.folder, { headers });
    this.address = new URL(answer.headers.get("Location"), location.href).pathname;
    this.sent = 0;
  }

  async look() {
    const answer = await ask("HEAD", this.address, { headers: TUS });
    this.sent = Number(answer.headers.get("Upload-Offset"));
  }

  patch() {
    const begin = this.sent;
    const piece = this.file.slice(begin, begin + this.piece);
    return new Promise((resolve, reject) => {
      const request = this.request = new XMLHttpRequest(); // fetch tells nothing of progress
      request.open("PATCH", this.address);
      const headers = { ...OURS, ...TUS, "Upload-Offset": String(begin), "Content-Type": "application/offset+octet-stream" };
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => {
        this.sent = begin + event.loaded;
        this.changed(this);
      };
      request.onload = () => {
        this.sent = Number(request.getResponseHeader("Upload-Offset") ?? begin);
        if (request.status < 300) resolve();
        else reject(failure(request.status, request.getResponseHeader("Content-Type") ?? "", request.responseText));
      };
      request.onerror = request.onabort = () => {
        this.sent = begin;
        reject(new Failure(0));
      };
      request.send(piece);
    });
  }

  wait(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      addEventListener("online", () => { clearTimeout(timer); resolve(); }, { once: true });
    });
  }

  async end() {
    const address = this.address;
    const done = this.state === "done";
    this.show("ended");
    this.request?.abort();
    // Otherwise the server forgets it after a while.
    if (address && !done) await ask("DELETE", address, { headers: TUS }).catch(() => {});
  }
}

// Some at once, the others wait.
export class Queue {
  constructor() {
    this.running = new Set();
    this.waiting = [];
  }

  get busy() {
    return this.running.size + this.waiting.length > 0;
  }

  add(upload) {
    this.waiting.push(upload);
    this.next();
  }

  clear() {
    return Promise.all([...this.waiting.splice(0), ...this.running].map((upload) => upload.end()));
  }

  next() {
    while (this.running.size < AT_ONCE && this.waiting.length) {
      const upload = this.waiting.shift();
      if (upload.state === "ended") continue;
      this.running.add(upload);
      upload.run().finally(() => {
        this.running.delete(upload);
        this.next();
      });
    }
  }
}

// Files and folders that were dropped, as pairs of a file and the address of the folder it belongs to. Folders are made on the way.
export async function* dropped(items, folder) {
  // All of them at once: when the event is over, the list is empty.
  const entries = Array.from(items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  for (const entry of entries) yield* walk(entry, folder);
}

async function* walk(entry, folder) {
  if (entry.isFile) {
    yield [await new Promise((resolve, reject) => entry.file(resolve, () => reject(new Failure(-1, `${entry.name} cannot be read.`)))), folder];
    return;
  }
  const path = `${folder.replace(/\/$/, "")}/${encodeURIComponent(entry.name)}`;
  await makeFolder(path).catch((error) => {
    if (error.status !== 405) throw error; // it is there
  });
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, () => reject(new Failure(-1, `${entry.name} cannot be read.`))));
    if (!some.length) return;
    for (const one of some) yield* walk(one, path);
  }
}
