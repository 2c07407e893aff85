// The page: who somebody is, their spaces, one folder at a time. Its addresses stand behind the "#": /SPACE/FOLDER/FOLDER.

import * as dav from "./dav.js";
import { dropped, Queue, Upload } from "./upload.js";
import * as view from "./view.js";

const { $ } = view;
const SLICE = 200; // lines that are made at once
const order = new Intl.Collator(undefined, { numeric: true });

const state = {
  can: { archives: "", signing: false, upload: null },
  spaces: new Map(),
  folder: "", // the address of the folder that is shown
  may: "", // what may be done in it
  entries: [],
  shown: 0,
  looking: new AbortController(),
};
const queue = new Queue();
const watcher = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && more());

// Whatever fails is told; who is not logged in is asked to.
async function attempt(work) {
  try {
    view.problem("");
    return await work();
  } catch (error) {
    if (!(error instanceof dav.Failure)) throw error;
    if (error.status === 401) welcome();
    if ($("#folder table").hidden) $("#count").textContent = "";
    view.problem(error.message);
    return undefined;
  }
}

function welcome() {
  // To be gone to after the login, which leads away from here.
  if (location.hash.length > 2) sessionStorage.setItem("wanted", location.hash);
  state.looking.abort();
  state.folder = "";
  $("#who").textContent = "";
  $("#out").hidden = $("#everywhere").hidden = true;
  view.show("welcome");
}

async function start() {
  const me = await dav.json("/graph/v1.0/me").catch((error) => {
    welcome();
    if (error.status !== 401) view.problem(error.message);
  });
  if (!me) return;
  await attempt(async () => {
    const { capabilities } = (await dav.json("/ocs/v1.php/cloud/capabilities?format=json")).ocs.data;
    const archiver = capabilities.files?.archivers?.find((one) => one.enabled && one.formats.includes("zip"));
    state.can = {
      signing: capabilities.core?.["support-url-signing"] === true,
      archives: archiver?.archiver_url ?? "",
      upload: capabilities.files?.tus_support ?? null,
    };
    $("#who").replaceChildren(view.named(me.displayName));
    $("#out").hidden = $("#everywhere").hidden = false;
    const wanted = sessionStorage.getItem("wanted");
    sessionStorage.removeItem("wanted");
    if (wanted && !location.hash) history.replaceState(null, "", wanted);
    await go();
  });
}

async function loadSpaces() {
  const { value } = await dav.json("/graph/v1.0/me/drives");
  const there = value.filter((drive) => !drive.root?.deleted);
  state.spaces = new Map(there.map((drive) => [drive.id, drive]));
}

const rootOf = (drive) => new URL(drive.root.webDavUrl).pathname;

function addressOf(drive, path) {
  const root = rootOf(drive).replace(/\/$/, "");
  return `#/${encodeURIComponent(drive.id)}${path.slice(root.length)}`;
}

// To where the address says.
async function go() {
  const [id, ...path] = location.hash.replace(/^#\/?/, "").split("/");
  state.looking.abort();
  if (!id) {
    await loadSpaces();
    state.folder = "";
    $("#spaces ul").replaceChildren(...[...state.spaces.values()].map((drive) => view.space(drive, addressOf(drive, rootOf(drive)))));
    view.show("spaces");
    $("#spaces h1").focus();
    return;
  }
  if (id === "f") return go(history.replaceState(null, "", await linked(path.join("/"))));
  await open(await spaceOf(dav.decoded(id)), path.filter(Boolean));
}

async function spaceOf(id) {
  if (!state.spaces.has(id)) await loadSpaces();
  const drive = state.spaces.get(id);
  if (!drive) throw new dav.Failure(404);
  return drive;
}

// Where the file is that a private link names, or rather its folder.
async function linked(written) {
  const [id, mark] = dav.decoded(written).split("!");
  const drive = await spaceOf(id);
  if (mark === undefined) return addressOf(drive, rootOf(drive));
  const item = await dav.json(`/graph/v1.0/drives/${encodeURIComponent(id)}/items/${encodeURIComponent(`${id}!${mark}`)}`);
  const path = new URL(item.webDavUrl).pathname;
  return addressOf(drive, item.folder ? path : path.replace(/\/[^/]*$/, ""));
}

async function open(drive, parts) {
  const root = rootOf(drive).replace(/\/$/, "");
  const trail = [["My spaces", "#/"], [drive.name, addressOf(drive, root)]];
  parts.forEach((part, index) => trail.push([dav.nameOf(part), addressOf(drive, `${root}/${parts.slice(0, index + 1).join("/")}`)]));
  const [name] = trail.pop();
  view.above(trail);
  $("#folder h1").replaceChildren(view.named(name));
  document.title = name;
  state.folder = [root, ...parts].join("/");
  state.drive = drive;
  // What was shown before belongs to another folder.
  state.entries = [];
  for (const part of ["table", "#choose", "#new", "#more"]) $(`#folder ${part}`).hidden = true;
  $("#count").textContent = "One moment.";
  view.show("folder");
  $("#folder h1").focus();
  await look();
}

// Read the folder that is shown. A list of a hundred thousand comes in pieces, and so do its lines.
async function look() {
  state.looking.abort();
  const looking = state.looking = new AbortController();
  const entries = [];
  let own = null;
  for await (const some of dav.list(state.folder, looking.signal)) {
    if (looking.signal.aborted) return;
    own ??= some.shift();
    for (const one of some) entries.push(one);
    if (entries.length > SLICE) $("#count").textContent = `${entries.length.toLocaleString()} so far`;
  }
  if (looking.signal.aborted) return;
  entries.sort((one, other) => other.folder - one.folder || order.compare(one.name, other.name));
  state.entries = entries;
  state.may = own?.may ?? "";
  const uploads = state.may.includes("C") && state.can.upload !== null;
  $("#choose").hidden = !uploads;
  $("#new").hidden = !state.may.includes("K");
  $("#count").textContent = count(entries.length) + (uploads ? " Drop files here to upload them." : "");
  $("#folder table").hidden = !entries.length;
  $("#folder tbody").replaceChildren();
  state.shown = 0;
  more();
}

const count = (number) => number ? `${number.toLocaleString()} ${number === 1 ? "entry" : "entries"}.` : "This folder is empty.";

function more() {
  const some = state.entries.slice(state.shown, state.shown + SLICE);
  $("#folder tbody").append(...some.map(line));
  state.shown += some.length;
  $("#more").hidden = state.shown >= state.entries.length;
  // Looked at anew: it may be in sight again before anybody has seen it go.
  watcher.unobserve($("#more"));
  watcher.observe($("#more"));
}

function line(entry) {
  const drive = state.drive;
  const packed = () => `${new URL(state.can.archives, location.href).pathname}?id=${encodeURIComponent(entry.id)}&output-format=zip`;
  return view.row(entry, {
    open: addressOf(drive, entry.href),
    fetch: state.can.signing ? () => attempt(() => dav.download(entry.href)) : undefined,
    pack: state.can.signing && state.can.archives ? () => attempt(() => dav.download(packed())) : undefined,
    rename: entry.may.includes("N") ? () => attempt(() => rename(entry)) : undefined,
    remove: entry.may.includes("D") ? () => attempt(() => remove(entry)) : undefined,
  });
}

async function rename(entry) {
  const name = await view.question(`New name for ${entry.name}`, "Rename", entry.name);
  if (name === null || name === entry.name) return;
  await dav.rename(entry.href, name);
  await look();
}

async function remove(entry) {
  if (await view.question(`Delete ${entry.name}?`, "Delete") === null) return;
  await dav.remove(entry.href);
  await look();
}

async function makeFolder() {
  const name = await view.question("Name of the new folder", "Make it", "");
  if (name === null) return;
  await dav.makeFolder(`${state.folder}/${encodeURIComponent(name)}`);
  await look();
}

function upload(file, folder) {
  const one = new Upload(file, folder, state.can.upload.max_chunk_size, () => {
    update();
    if (one.state === "done" && state.folder && (folder === state.folder || folder.startsWith(`${state.folder}/`))) later();
    $("#uploads").hidden = !$("#uploads ul").children.length;
  });
  const [item, update] = view.line(one, {
    again: () => queue.add(one),
    replace: () => {
      one.replace = true;
      one.address = "";
      queue.add(one);
    },
    end: () => one.end(),
  });
  $("#uploads ul").append(item);
  $("#uploads").hidden = false;
  queue.add(one);
}

// After several uploads look once.
let soon = 0;
function later() {
  clearTimeout(soon);
  soon = setTimeout(() => state.folder && attempt(look), 200);
}

const droppable = () => Boolean(state.folder) && !$("#choose").hidden;

addEventListener("hashchange", () => $("#out").hidden || attempt(go));
addEventListener("beforeunload", (event) => queue.busy && event.preventDefault());
addEventListener("dragover", (event) => {
  // Always: a file that misses its place must not be shown in place of the page.
  event.preventDefault();
  event.dataTransfer.dropEffect = droppable() ? "copy" : "none";
  $("#folder").classList.toggle("over", droppable());
});
addEventListener("dragleave", (event) => event.relatedTarget || $("#folder").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  $("#folder").classList.remove("over");
  if (!droppable()) return;
  const found = dropped(event.dataTransfer.items, state.folder);
  attempt(async () => {
    for await (const [file, folder] of found) upload(file, folder);
  });
});
$("#choose").addEventListener("click", () => $("#chosen").click());
$("#chosen").addEventListener("change", (event) => {
  for (const file of event.target.files) upload(file, state.folder);
  event.target.value = "";
});
$("#new").addEventListener("click", () => attempt(makeFolder));
$("#more").addEventListener("click", more);
async function leave(address) {
  await queue.clear();
  await dav.ask("POST", address);
  history.replaceState(null, "", "/");
  // Whoever comes next must not be taken for the same person by a login service.
  $("#login").href = `${$("#login").pathname}?anew=1`;
  welcome();
}

$("#out").addEventListener("click", () => attempt(() => leave("/login/files/end")));
$("#everywhere").addEventListener("click", () => attempt(() => leave("/login/files/end-all")));

start();
