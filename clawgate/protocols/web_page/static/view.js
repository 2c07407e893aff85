// What is on the page. Every word that comes from elsewhere becomes text here, never markup.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export const $ = (selector) => document.querySelector(selector);

export function make(tag, { text, name, on = {}, ...rest } = {}, ...children) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name !== undefined) element.append(named(name));
  for (const [event, handler] of Object.entries(on)) element.addEventListener(event, handler);
  for (const [key, value] of Object.entries(rest)) element[key] = value;
  element.append(...children);
  return element;
}

// A name, whichever way it is written. It must not turn around what stands beside it, nor its own end, which tells what it is.
export function named(text) {
  const element = document.createElement("bdi");
  element.textContent = text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
  return element;
}

export function size(bytes) {
  const step = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  const number = bytes / 1024 ** step;
  return `${number.toLocaleString(undefined, { maximumFractionDigits: number < 10 && step ? 1 : 0 })} ${UNITS[step]}`;
}

export function time(milliseconds) {
  return Number.isNaN(milliseconds) ? "" : new Date(milliseconds).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

export function show(section) {
  for (const one of ["welcome", "spaces", "folder"]) $(`#${one}`).hidden = one !== section;
}

export function problem(text) {
  const place = $("#problem");
  place.textContent = text;
  place.hidden = !text;
}

// Asks before something is done. Gives the text that was typed if `value` is one, else true; null: the answer was no.
export function question(text, yes, value) {
  const dialog = $("dialog");
  const input = $("#answer input");
  $("#question").textContent = text;
  $("#answer").hidden = value === undefined;
  input.value = value ?? "";
  input.required = value !== undefined;
  dialog.querySelector("[value=yes]").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  if (value !== undefined) input.select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const agreed = dialog.returnValue === "yes";
      resolve(agreed ? (value === undefined ? true : input.value) : null);
    }, { once: true });
  });
}

export function space(drive, href) {
  const { used = 0, total = 0 } = drive.quota ?? {};
  const room = total ? `${size(used)} of ${size(total)} used` : `${size(used)} used`;
  return make("li", {}, make("a", { name: drive.name, href }), make("small", { text: drive.description ? `${drive.description} (${room})` : room }));
}

export function above(trail) {
  const items = trail.map(([name, href]) => make("li", {}, make("a", { name, href })));
  $("nav ol").replaceChildren(...items);
}

function small(word, about, handler) {
  const button = make("button", { className: "small", text: word, on: { click: handler } });
  button.setAttribute("aria-label", `${word} ${about}`);
  return button;
}

// One line of a folder. `open` is where a folder leads; what cannot be done has no function.
export function row(entry, { open, fetch, pack, rename, remove }) {
  const act = (word, handler) => small(word, entry.name, handler);
  let name;
  if (entry.folder) name = make("a", { className: "folder", name: entry.name, href: open });
  else if (fetch) name = make("button", { className: "link", name: entry.name, title: "Download", on: { click: fetch } });
  else name = named(entry.name);
  const buttons = [];
  if (entry.folder && pack) buttons.push(act("Download", pack));
  if (rename) buttons.push(act("Rename", rename));
  if (remove) buttons.push(act("Delete", remove));
  return make(
    "tr", {},
    make("td", {}, name),
    make("td", { className: "size", text: entry.folder && !entry.size ? "" : size(entry.size) }),
    make("td", { className: "time", text: time(entry.time) }),
    make("td", {}, ...buttons),
  );
}

const SAID = { waiting: "waits", running: "", done: "is there", failed: "", ended: "" };

// One line of the uploads; the function that is returned brings it up to date.
export function line(upload, { again, replace, end }) {
  const progress = make("progress", { max: Math.max(1, upload.file.size), value: 0 });
  progress.setAttribute("aria-label", upload.file.name);
  const said = make("span", {});
  said.setAttribute("role", "status");
  const retry = small("Try again", upload.file.name, again);
  const over = small("Replace", upload.file.name, replace);
  const stop = small("Cancel", upload.file.name, end);
  const item = make("li", {}, named(upload.file.name), " ", said, " ", retry, over, stop, progress);
  const update = () => {
    if (upload.state === "ended") item.remove();
    progress.value = upload.state === "done" ? progress.max : upload.sent;
    progress.hidden = upload.state === "done";
    const words = upload.problem || SAID[upload.state];
    const text = upload.state === "running" && !words ? `${size(upload.sent)} of ${size(upload.file.size)}` : words;
    if (said.textContent !== text) said.textContent = text;
    retry.hidden = upload.state !== "failed";
    over.hidden = upload.state !== "exists";
    stop.textContent = upload.state === "done" ? "Dismiss" : "Cancel";
    stop.setAttribute("aria-label", `${stop.textContent} ${upload.file.name}`);
  };
  update();
  return [item, update];
}
