// Python in a worker: fetches Pyodide and what the pages need, once, and runs cells.
//
// Every file is compared with its SHA-256, which manifest.json has, also when it comes
// from the browser's own storage. Python reads them from memory: it asks no server.

const BASE = new URL(".", import.meta.url).href;
const FILES = new URL("../files/", BASE).href; // for all versions of these programs
const STORE = `python-of-${FILES}`;
const ATTEMPTS = 3;
const STALLED = 30_000; // milliseconds without a byte
const STAGES = ["interpreter", "numpy", "matplotlib", "packages", "mnist"];

let pyodide, kernel, stop;

// Progress -----------------------------------------------------------------------------

const progress = new Map();
let told = 0;

function tell(stage, state = progress.get(stage).state, always = true) {
  const now = performance.now();
  if (!always && now - told < 100) return;
  told = now;
  const own = progress.get(stage);
  own.state = state;
  const all = [...progress.values()];
  const sum = (key) => all.reduce((total, one) => total + one[key], 0);
  postMessage({
    type: "progress",
    progress: {
      stage,
      state,
      loaded: own.loaded,
      total: own.total,
      allLoaded: sum("loaded"),
      allTotal: sum("total"),
    },
  });
}

// Files --------------------------------------------------------------------------------

const wait = (time) => new Promise((resolve) => setTimeout(resolve, time));
const join = (parts) => new Blob(parts).arrayBuffer();

// Tell whether bytes have a digest. The browser compares it, as for a script with an
// attribute `integrity`: crypto.subtle is missing where the site has no https.
async function isRight(bytes, sha256) {
  const digest = btoa(sha256.replace(/../g, (hex) => String.fromCharCode(parseInt(hex, 16))));
  const address = URL.createObjectURL(new Blob([bytes]));
  try {
    await (await netFetch(address, { integrity: `sha256-${digest}` })).arrayBuffer();
    return true;
  } catch {
    return false;
  } finally {
    URL.revokeObjectURL(address);
  }
}

// Return the content of a file as it's published, or nothing, if this isn't it.
async function unpacked(bytes, file) {
  try {
    if (file.packed) {
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      bytes = await new Response(stream).arrayBuffer();
    }
  } catch {
    return null; // not what gzip makes
  }
  return (await isRight(bytes, file.sha256)) ? bytes : null;
}

// Open what the browser keeps for this site; nothing, where it keeps nothing.
async function openStore() {
  try {
    return await caches.open(STORE);
  } catch {
    return null;
  }
}

async function forgetOthers(store, { files, compiled }) {
  const names = [...files.map(({ file }) => file), ...Object.values(compiled)];
  const addresses = new Set(names.map((name) => FILES + name));
  for (const { url } of (await store?.keys()) ?? [])
    if (!addresses.has(url)) await store.delete(url);
}

async function fetchFile(file, store) {
  const own = progress.get(file.stage);
  const kept = await store?.match(FILES + file.file);
  const content = kept && (await unpacked(await kept.arrayBuffer(), file));
  if (content) {
    own.loaded += file.size;
    tell(file.stage, "loading", false);
    return content;
  }
  // What the store keeps, the browser's other cache needn't keep as well.
  for (const from of [store ? "no-store" : "default", "reload"]) {
    const bytes = await download(file, from);
    const fresh = await unpacked(bytes, file);
    if (fresh) {
      // Storage may be full: the file serves all the same.
      await store?.put(FILES + file.file, new Response(bytes)).catch(() => {});
      return fresh;
    }
    own.loaded -= bytes.byteLength;
  }
  throw new Error(
    `${file.name} isn't the file that this site was made with (its SHA-256 is another), so it's not used.`,
  );
}

// Download a file; after a lost connection, go on where it broke off.
async function download(file, from) {
  const own = progress.get(file.stage);
  let parts = [];
  let received = 0;
  for (let attempt = 1; ; attempt += 1) {
    const control = new AbortController();
    let timer = setTimeout(() => control.abort(), STALLED);
    try {
      const headers = received ? { Range: `bytes=${received}-` } : {};
      const options = { headers, signal: control.signal, cache: received ? "no-store" : from };
      const response = await netFetch(FILES + file.file, options);
      if (!response.ok) throw new Error(`the server answers ${response.status}`);
      if (received && response.status !== 206) {
        own.loaded -= received;
        [parts, received] = [[], 0];
      }
      const reader = response.body.getReader();
      for (let step; !(step = await reader.read()).done; ) {
        clearTimeout(timer);
        timer = setTimeout(() => control.abort(), STALLED);
        parts.push(step.value);
        received += step.value.length;
        own.loaded += step.value.length;
        tell(file.stage, "loading", false);
      }
      if (received < file.size) throw new Error("the connection was lost");
      return await join(parts);
    } catch (error) {
      if (attempt === ATTEMPTS) {
        const reason = control.signal.aborted ? "nothing came for 30 seconds" : error.message;
        throw new Error(
          `${file.name} couldn't be loaded (${reason}). Try again: what has come is kept.`,
        );
      }
      await wait(1000 * attempt);
    } finally {
      clearTimeout(timer);
    }
  }
}

// Pyodide asks for its files by `fetch`: give it those that have been verified.
const netFetch = self.fetch.bind(self);
const verified = new Map();
const TYPES = { wasm: "application/wasm", json: "application/json" };

self.fetch = (resource, options) => {
  const address = String(resource?.url ?? resource);
  const name = address.startsWith(FILES) ? address.slice(FILES.length) : "";
  if (!verified.has(name)) return netFetch(resource, options);
  const bytes = verified.get(name);
  verified.delete(name); // it's asked for once: the memory can go
  const type = TYPES[name.split(".").pop()] ?? "application/octet-stream";
  return Promise.resolve(new Response(bytes, { headers: { "Content-Type": type } }));
};

async function importFile(bytes) {
  const address = URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  try {
    return await import(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}

// Start --------------------------------------------------------------------------------

async function readManifest() {
  const address = `${BASE}manifest.json`;
  // Without a network, that of the last start serves, as its files do.
  const response = await netFetch(address, { cache: "no-cache" }).catch(() =>
    netFetch(address, { cache: "force-cache" }),
  );
  if (!response.ok) throw new Error(`the site's list of files can't be read (${response.status}).`);
  return response.json();
}

async function start(shared) {
  const manifest = await readManifest();
  for (const stage of STAGES) progress.set(stage, { state: "loading", loaded: 0, total: 0 });
  for (const file of manifest.files) progress.get(file.stage).total += file.size;
  const store = await openStore();
  await forgetOthers(store, manifest);
  const library = readCompiled(store, manifest.compiled.library);
  const packages = readCompiled(store, manifest.compiled.packages);
  const coming = new Map(manifest.files.map((file) => [file.name, fetchFile(file, store)]));
  for (const one of coming.values()) one.catch(() => {}); // told where it's waited for
  const have = async (stage) => {
    const names = manifest.files.filter((file) => file.stage === stage).map((file) => file.name);
    for (const name of names) verified.set(name, await coming.get(name));
    tell(stage, "starting");
    return names;
  };
  const take = (name) => {
    const bytes = verified.get(name);
    verified.delete(name);
    return bytes;
  };

  await have("interpreter");
  if (await library) verified.set(LIBRARY, await library);
  const { default: createPyodideModule } = await importFile(take("pyodide.asm.mjs"));
  const { loadPyodide } = await importFile(take("pyodide.mjs"));
  pyodide = await loadPyodide({
    indexURL: FILES,
    packageBaseUrl: FILES,
    lockFileContents: manifest.lock,
    createPyodideModule,
  });
  for (const name of ["page_kernel.py", "page_bytecode.py"])
    pyodide.FS.writeFile(`/lib/${name}`, new Uint8Array(take(name)));
  pyodide.runPython("import sys; sys.path.append('/lib')");
  kernel = pyodide.pyimport("page_kernel");
  tell("interpreter", "ready");
  for (const stage of ["numpy", "matplotlib"]) {
    await have(stage);
    await pyodide.loadPackage(stage, { messageCallback: () => {} });
    tell(stage, "ready");
  }
  const extractDir = pyodide.runPython("import sysconfig; sysconfig.get_path('purelib')");
  for (const name of await have("packages"))
    pyodide.unpackArchive(take(name), "zip", { extractDir });
  if (await packages) pyodide.unpackArchive(await packages, "zip", { extractDir });
  kernel.begin((output) => postMessage({ type: "output", output: JSON.parse(output) }));
  const versions = JSON.parse(kernel.import_packages());
  tell("packages", "ready");
  const names = await have("mnist");
  const folder = kernel.mnist_folder();
  for (const name of names) pyodide.FS.writeFile(`${folder}/${name}`, new Uint8Array(take(name)));
  tell("mnist", "ready");
  prepareStop(shared);
  postMessage({ type: "ready", versions });
  if (store && !(await library)) lacking.push(["library", manifest.compiled.library]);
  if (store && !(await packages)) lacking.push(["packages", manifest.compiled.packages]);
  waitUntilIdle();
}

// What Python has compiled -------------------------------------------------------------
//
// Nearly half of a first start is Python compiling the sources of what it imports. When
// there's nothing to do, what it has made of them is put beside the files.

const LIBRARY = "python_stdlib.zip";
const DIGEST = "X-SHA-256"; // a header of what is kept
const IDLE = 2000; // milliseconds
const lacking = []; // what is to be kept, and under which name
let idle;

function waitUntilIdle() {
  clearTimeout(idle);
  if (lacking.length) idle = setTimeout(keepCompiled, IDLE);
}

async function keepCompiled() {
  const [part, name] = lacking.shift();
  const path = `/tmp/${name}`;
  let content;
  try {
    pyodide.setInterruptBuffer(null); // Stop is meant for a cell that waits
    const sha256 = pyodide.pyimport("page_bytecode")[`write_${part}`](path);
    const headers = { [DIGEST]: sha256 };
    content = new Response(pyodide.FS.readFile(path), { headers });
    pyodide.FS.unlink(path);
  } finally {
    pyodide.setInterruptBuffer(stop);
  }
  // Storage may be full: the next start compiles again.
  await (await openStore())?.put(FILES + name, content).catch(() => {});
  waitUntilIdle();
}

// Return what an earlier start has kept, if it is as it was then.
async function readCompiled(store, name) {
  const kept = await store?.match(FILES + name);
  const sha256 = kept?.headers.get(DIGEST);
  if (!sha256) return null;
  const bytes = await kept.arrayBuffer();
  return (await isRight(bytes, sha256)) ? bytes : null;
}

// Stop ---------------------------------------------------------------------------------
//
// While Python computes, this worker hears no message. Where the site is isolated, the
// page writes into memory that both share. Elsewhere, the page takes back the address
// of a blob: Python asks for it now and then, and stops where there's none any more.

class Stop {
  constructor() {
    this.signal = null;
    this.asked = 0;
  }
  get 0() {
    const now = performance.now();
    if (!this.signal || now - this.asked < 200) return 0;
    this.asked = now;
    try {
      const request = new XMLHttpRequest();
      request.open("GET", this.signal, false);
      request.send();
      return 0;
    } catch {
      this.signal = null;
      return 2; // SIGINT
    }
  }
  set 0(_) {}
}

function prepareStop(shared) {
  stop = shared ? new Uint8Array(shared) : new Stop();
  pyodide.setInterruptBuffer(stop);
}

function answer(data) {
  if (stop instanceof Stop) [stop.signal, stop.asked] = [data.signal, performance.now()];
  try {
    const { source, name, exercise, answer, check, names } = data;
    return JSON.parse(
      data.type === "run"
        ? kernel.run(source, name, exercise)
        : kernel.check(answer, check, JSON.stringify(names), exercise),
    );
  } catch (error) {
    // Stop came just as the cell had ended, or Python itself is broken.
    if (/KeyboardInterrupt/.test(error.message)) return { status: "stopped", seconds: 0, error: null };
    const message = `Python can't go on (${error.message.trim().split("\n").pop()}). Start afresh.`;
    return { status: "error", message, seconds: 0, error: { name: "", message, line: null, traceback: message } };
  } finally {
    if (stop instanceof Stop) stop.signal = null;
  }
}

self.onmessage = async ({ data }) => {
  if (data.type === "start") {
    try {
      await start(data.shared);
    } catch (error) {
      postMessage({ type: "failed", message: error.message });
    }
  } else {
    postMessage({ type: "result", result: answer(data) });
    waitUntilIdle();
  }
};
