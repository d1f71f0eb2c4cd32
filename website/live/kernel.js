// Python for a page: starts worker.js, and passes cells to it, one at a time.
//
//   const kernel = await LiveKernel.start({ base: "../../_live/VERSION/", onProgress });
//   const result = await kernel.run("1 + 1", { onOutput: console.log });
//
// A classic script, so that it also loads from disk, where it says why it can't run.
"use strict";

window.LiveKernel = (() => {
  const PATIENCE = 700; // milliseconds in which a running cell has to heed Stop
  const STOPPED = { status: "stopped", seconds: 0, error: null };

  // Say why Python can't run here, in one sentence; or nothing, if it can.
  function unavailable() {
    if (location.protocol === "file:")
      return "Python runs in pages from a web server, and this one is opened from disk.";
    if (typeof Worker === "undefined") return "This browser lets no page use workers.";
    if (typeof WebAssembly === "undefined")
      return "This browser lets no page use WebAssembly, which Python needs.";
    if (typeof DecompressionStream === "undefined")
      return "This browser is too old to run Python in a page.";
    if (self.origin === "null")
      return "This page is shown in a frame that may not run Python.";
    return "";
  }

  class Kernel {
    constructor(base, onProgress) {
      this.base = new URL(base, document.baseURI).href;
      this.onProgress = onProgress;
      this.versions = {};
      this.busy = false;
      this.last = Promise.resolve(); // what the next cell waits for
      this.epoch = 0; // counts the workers; what waited for an earlier one is stopped
    }

    // Start a worker, and resolve when it's ready for cells.
    begin() {
      this.abandon?.(); // what waits for the worker before is stopped, see `ask`
      this.worker?.terminate();
      const worker = new Worker(new URL("worker.js", this.base), { type: "module" });
      this.worker = worker;
      this.ready = new Promise((resolve, reject) => {
        this.abandon = resolve;
        worker.onerror = (event) => {
          event.preventDefault();
          const message = `Python's worker has failed (${event.message || "it says no more"}).`;
          reject(new Error(message));
          const error = { name: "", message, line: null, traceback: message };
          if (worker === this.worker)
            this.current?.resolve({ status: "error", message, seconds: 0, error });
        };
        worker.onmessage = ({ data }) => {
          if (worker === this.worker) this.hear(data, resolve, reject);
        };
      });
      this.ready.catch(() => worker.terminate());
      const shared = self.crossOriginIsolated ? new SharedArrayBuffer(1) : null;
      this.stopBuffer = shared && new Uint8Array(shared);
      worker.postMessage({ type: "start", shared });
      return this.ready;
    }

    hear(data, resolve, reject) {
      if (data.type === "progress") this.onProgress?.(data.progress);
      else if (data.type === "ready") {
        this.versions = data.versions;
        resolve();
      } else if (data.type === "failed") reject(new Error(data.message));
      else if (data.type === "output") this.current?.onOutput?.(data.output);
      else if (data.type === "result") this.current?.resolve(data.result);
    }

    // Send a message once all before it have been answered.
    ask(message, onOutput) {
      const epoch = this.epoch;
      const answer = this.last.then(async () => {
        if (epoch === this.epoch) await this.ready;
        if (epoch !== this.epoch) return { ...STOPPED };
        this.busy = true;
        // The cell runs on while this address exists: see worker.js.
        const signal = URL.createObjectURL(new Blob(["go on"]));
        try {
          return await new Promise((resolve) => {
            this.current = { resolve, onOutput, signal };
            // Here and not in the worker, which may take this up after the next Stop.
            if (this.stopBuffer) this.stopBuffer[0] = 0;
            this.worker.postMessage({ ...message, signal });
          });
        } finally {
          URL.revokeObjectURL(signal);
          this.current = null;
          this.busy = false;
        }
      });
      this.last = answer.catch(() => {});
      return answer;
    }

    run(source, { onOutput, name = "Cell", exercise = null } = {}) {
      return this.ask({ type: "run", source, name, exercise }, onOutput);
    }

    check({ answer, check, names, exercise, onOutput }) {
      return this.ask({ type: "check", answer, check, names, exercise }, onOutput);
    }

    // Stop the cell that runs, and those that wait. Python heeds it between two
    // operations; where one takes long, Python is ended, and its names are gone.
    async stop() {
      this.epoch += 1;
      const running = this.current;
      if (!running) return { kept: true };
      if (this.stopBuffer) this.stopBuffer[0] = 2; // as the signal SIGINT
      URL.revokeObjectURL(running.signal);
      const stopped = new Promise((resolve) => {
        const done = running.resolve;
        running.resolve = (result) => {
          done(result);
          resolve(true);
        };
      });
      const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, false));
      if (await Promise.race([stopped, late])) return { kept: true };
      this.restart().catch(() => {}); // the next run says what went wrong
      return { kept: false };
    }

    // A fresh Python, without names. What runs or waits is stopped.
    restart() {
      this.epoch += 1;
      const ready = this.begin();
      this.current?.resolve({ ...STOPPED });
      return ready;
    }

    // End Python, for good.
    end() {
      this.worker.terminate();
    }
  }

  async function start({ base, onProgress }) {
    const why = unavailable();
    if (why) throw new Error(why);
    const kernel = new Kernel(base, onProgress);
    await kernel.begin();
    return kernel;
  }

  return { start, unavailable };
})();
