/* Watch it train: the network of the chapter "Build and train the network", trained in
   the reader's browser. No library, no build step: what you read is what runs.

   1. The network: its gradients and its training, as the page has them in NumPy.
   2. The trainer: in a thread of its own, a worker, so that the page stays responsive;
      in the page's thread where a worker is denied.
   3. The page: settings, buttons, curves, and the pictures of the weights.            */

"use strict";

(() => {
  const script = document.currentScript;

  /* 1. The network ------------------------------------------------------------------

     One function around it all: its source is handed to the worker, and the page and
     its tests call it too. A matrix is a Float64Array, row after row, as in NumPy.    */

  function makeNetwork() {
    const N_PIXELS = 784;
    const N_LABELS = 10;

    /** Mulberry32, by Tommy Ettinger: a random generator with 32 bits of state. Each
        call of what it returns gives the next number, uniform on [0, 1). */
    function mulberry32(seed) {
      let state = seed >>> 0;
      return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), state | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
      };
    }

    /** Both weight matrices, uniform on [-0.1, 0.1). */
    function initialWeights(random, hiddenSize) {
      const draw = () => 0.2 * random() - 0.1;
      const weights1 = new Float64Array(N_PIXELS * hiddenSize).map(draw);
      const weights2 = new Float64Array(hiddenSize * N_LABELS).map(draw);
      return [weights1, weights2];
    }

    /** A new order of the numbers 0 to n - 1: sort them by random keys. */
    function shuffled(random, n) {
      const keys = Float64Array.from({ length: n }, random);
      return Array.from(keys.keys()).sort((a, b) => keys[a] - keys[b]);
    }

    const relu = (x) => Math.max(0, x);

    /** The weighted sums of one image, which starts at `start`, into `sums`. */
    function sumPixels(images, start, weights1, sums) {
      sums.fill(0);
      for (let p = 0; p < N_PIXELS; p++) {
        const pixel = images[start + p];
        if (pixel === 0) continue; // four pixels in five are ground, and add nothing
        const row = p * sums.length;
        for (let j = 0; j < sums.length; j++) sums[j] += pixel * weights1[row + j];
      }
    }

    /** The ten scores of one hidden layer, into `scores`. */
    function sumHidden(layer1, weights2, scores) {
      scores.fill(0);
      for (let j = 0; j < layer1.length; j++) {
        const row = j * N_LABELS;
        for (let k = 0; k < N_LABELS; k++) scores[k] += layer1[j] * weights2[row + k];
      }
    }

    /** The gradient of a batch's loss: the mean over its images of half the squared
        error.

        images     pixels from 0 to 1, 784 for each image
        labels     a digit for each image
        masks      dropout: for each image a 0 or 1 for each hidden unit; null: none
        mistakes   {slope, doubling}: true makes a classic mistake, see the chapter
        gradient1, gradient2   where to write; new arrays unless given

        Returns both gradients, and the batch's error as it was on the way. */
    function gradients(
      images, labels, weights1, weights2, masks = null, mistakes = {},
      gradient1 = new Float64Array(weights1.length),
      gradient2 = new Float64Array(weights2.length),
    ) {
      const n = labels.length;
      const hiddenSize = weights2.length / N_LABELS;
      const sums = new Float64Array(hiddenSize);
      const layer1 = new Float64Array(hiddenSize);
      const layer2 = new Float64Array(N_LABELS);
      const delta1 = new Float64Array(hiddenSize);
      const delta2 = new Float64Array(N_LABELS);
      const doublingBack = mistakes.doubling ? 1 : 2; // mistake 2 forgets it
      let error = 0;

      gradient1.fill(0);
      gradient2.fill(0);
      for (let i = 0; i < n; i++) {
        // Forward.
        sumPixels(images, i * N_PIXELS, weights1, sums);
        for (let j = 0; j < hiddenSize; j++) {
          const scale = masks ? 2 * masks[i * hiddenSize + j] : 1;
          layer1[j] = relu(sums[j]) * scale;
        }
        sumHidden(layer1, weights2, layer2);

        // The error, and its derivative: scores - label, divided by n for the mean.
        for (let k = 0; k < N_LABELS; k++) {
          const difference = layer2[k] - (k === labels[i] ? 1 : 0);
          error += difference ** 2 / n;
          delta2[k] = difference / n;
        }

        // Backward.
        for (let j = 0; j < hiddenSize; j++) {
          const row = j * N_LABELS;
          let back = 0;
          for (let k = 0; k < N_LABELS; k++) {
            gradient2[row + k] += layer1[j] * delta2[k];
            back += weights2[row + k] * delta2[k];
          }
          const scale = masks ? doublingBack * masks[i * hiddenSize + j] : 1;
          const isOn = mistakes.slope
            ? relu(sums[j]) >= 0 // mistake 1: the output of ReLU is never negative
            : sums[j] > 0;
          delta1[j] = isOn ? back * scale : 0;
        }
        for (let p = 0; p < N_PIXELS; p++) {
          const pixel = images[i * N_PIXELS + p];
          if (pixel === 0) continue;
          const row = p * hiddenSize;
          for (let j = 0; j < hiddenSize; j++) gradient1[row + j] += pixel * delta1[j];
        }
      }
      return { gradient1, gradient2, error };
    }

    /** Measure in evaluation mode, without dropout: the squared error as a mean per
        image, and the share of right answers. Each unit that is ever on gets a 1 in
        `isOn`. */
    function evaluate(images, labels, weights1, weights2, isOn = []) {
      const layer1 = new Float64Array(weights2.length / N_LABELS);
      const scores = new Float64Array(N_LABELS);
      let error = 0;
      let right = 0;
      for (let i = 0; i < labels.length; i++) {
        sumPixels(images, i * N_PIXELS, weights1, layer1);
        for (let j = 0; j < layer1.length; j++) {
          layer1[j] = relu(layer1[j]);
          if (layer1[j] > 0) isOn[j] = 1;
        }
        sumHidden(layer1, weights2, scores);
        let answer = 0;
        for (let k = 0; k < N_LABELS; k++) {
          error += (scores[k] - (k === labels[i] ? 1 : 0)) ** 2;
          if (scores[k] > scores[answer]) answer = k;
        }
        if (answer === labels[i]) right++;
      }
      return { error: error / labels.length, accuracy: right / labels.length };
    }

    /** A network and all that its training needs. The settings decide everything: the
        generator's numbers go to the weights, then in each epoch to the order of the
        images, and in each batch to the dropout masks. */
    function newRun(settings, digits) {
      const { learningRate, batchSize, hiddenSize, dropout, seed, mistakes } = settings;
      const random = mulberry32(seed);
      const [weights1, weights2] = initialWeights(random, hiddenSize);
      const nTraining = digits.trainingLabels.length;
      const stepsPerEpoch = Math.floor(nTraining / batchSize);
      const images = new Float64Array(batchSize * N_PIXELS);
      const labels = new Uint8Array(batchSize);
      const masks = dropout ? new Uint8Array(batchSize * hiddenSize) : null;
      const gradient1 = new Float64Array(weights1.length);
      const gradient2 = new Float64Array(weights2.length);
      let order;

      const run = { weights1, weights2, stepsPerEpoch, steps: 0 };

      /** Take one step of gradient descent; return the error of the batch. */
      run.trainBatch = () => {
        const step = run.steps % stepsPerEpoch;
        if (step === 0) order = shuffled(random, nTraining);
        for (let i = 0; i < batchSize; i++) {
          const chosen = order[step * batchSize + i];
          const start = chosen * N_PIXELS;
          const image = digits.trainingImages.subarray(start, start + N_PIXELS);
          images.set(image, i * N_PIXELS);
          labels[i] = digits.trainingLabels[chosen];
        }
        if (masks) for (let m = 0; m < masks.length; m++) masks[m] = random() < 0.5;
        const { error } = gradients(
          images, labels, weights1, weights2, masks, mistakes, gradient1, gradient2,
        );
        for (let w = 0; w < weights1.length; w++) {
          weights1[w] -= learningRate * gradient1[w];
        }
        for (let w = 0; w < weights2.length; w++) {
          weights2[w] -= learningRate * gradient2[w];
        }
        run.steps++;
        return error;
      };

      /** Measure on the first 1,000 training images and on all held-out images. */
      run.measure = () => {
        const some = digits.trainingImages.subarray(0, 1000 * N_PIXELS);
        const theirs = digits.trainingLabels.subarray(0, 1000);
        const isOn = new Uint8Array(hiddenSize);
        const training = evaluate(some, theirs, weights1, weights2, isOn);
        const heldOut = evaluate(
          digits.heldOutImages, digits.heldOutLabels, weights1, weights2, isOn,
        );
        const unitsOff = isOn.filter((unit) => unit === 0).length;
        return { epoch: run.steps / stepsPerEpoch, training, heldOut, unitsOff };
      };
      return run;
    }

    /** The weights that lead to each of the first hidden units: 784 for each. */
    function unitPictures(weights1, hiddenSize, nUnits) {
      const pictures = new Float32Array(nUnits * N_PIXELS);
      for (let unit = 0; unit < nUnits; unit++) {
        for (let p = 0; p < N_PIXELS; p++) {
          pictures[unit * N_PIXELS + p] = weights1[p * hiddenSize + unit];
        }
      }
      return pictures;
    }

    return { mulberry32, initialWeights, gradients, evaluate, newRun, unitPictures };
  }

  /* 2. The trainer --------------------------------------------------------------------

     It works for some hundredths of a second, reports, and looks for messages. When it
     pauses doesn't change the run: all of its state waits here. It returns a function
     that takes messages, and sends its own to `post`.                                  */

  function startTrainer(network, post) {
    const CHUNK = 30; // milliseconds
    const TOO_LARGE = 1000; // times the error of a network that answers 0 to everything
    let digits, run, settings, id, measured, seconds, end, asked, waiting;

    const quarters = (steps) => Math.floor((4 * steps) / run.stepsPerEpoch); // of epochs

    function begin(message) {
      ({ settings, id } = message);
      run = network.newRun(settings, digits);
      measured = [run.measure()];
      seconds = 0;
      end = 0;
      asked = null;
      report();
    }

    function report(trouble = null) {
      const nUnits = Math.min(16, settings.hiddenSize);
      post({
        id,
        trouble,
        measured,
        epoch: run.steps / run.stepsPerEpoch,
        imagesSeen: run.steps * settings.batchSize,
        imagesPerSecond: seconds && (run.steps * settings.batchSize) / seconds,
        pictures: network.unitPictures(run.weights1, settings.hiddenSize, nUnits),
        working: run.steps < end,
      });
      measured = [];
    }

    function work() {
      waiting = false;
      const start = performance.now();
      while (run.steps < end && performance.now() - start < CHUNK) {
        const before = performance.now();
        const error = run.trainBatch();
        seconds += (performance.now() - before) / 1000;

        const isDue = quarters(run.steps) > quarters(run.steps - 1);
        if (isDue) measured.push(run.measure());

        let trouble = null;
        if (!(error < TOO_LARGE)) trouble = "diverged"; // NaN as well
        else if (isDue && measured.at(-1).unitsOff === settings.hiddenSize) {
          trouble = "all units off";
        }
        if (trouble) {
          end = run.steps;
          return report(trouble);
        }
      }
      report();
      proceed();
    }

    function proceed() {
      if (run.steps >= end || waiting) return;
      waiting = true;
      setTimeout(work); // messages that have come in meanwhile go first
    }

    /** Pressed again before it's done, a button asks for one batch or epoch more. */
    function goOn(kind) {
      const { stepsPerEpoch, steps } = run;
      const from = kind === asked ? Math.max(end, steps) : steps;
      const epoch = Math.floor(from / stepsPerEpoch);
      asked = kind;
      if (kind === "batch") end = from + 1;
      if (kind === "epoch") end = (epoch + 1) * stepsPerEpoch;
      if (kind === "go") end = (epoch - (epoch % 20) + 20) * stepsPerEpoch;
      if (kind === "pause") {
        end = steps;
        report();
      }
      proceed();
    }

    return (message) => {
      if (message.kind === "digits") digits = message.digits;
      else if (message.kind === "begin") begin(message);
      else goOn(message.kind);
    };
  }

  /* 3. The page ----------------------------------------------------------------------- */

  const MARKUP = `
    <form class="settings" aria-label="Settings" autocomplete="off">
      <label>Learning rate
        <select name="learningRate">
          <option>0.01<option>0.03<option selected>0.1<option>0.3<option>1<option>3
        </select></label>
      <label>Batch size
        <select name="batchSize">
          <option>1<option>5<option selected>20<option>100<option>500
        </select></label>
      <label>Hidden units
        <select name="hiddenSize">
          <option>5<option>20<option>50<option selected>100<option>200
        </select></label>
      <label>Seed
        <input name="seed" type="number" value="1" min="0" max="4294967295" step="1"
          required></label>
      <label class="switch"><input name="dropout" type="checkbox" checked>
        <span>Dropout of half the hidden units</span></label>
      <label class="switch"><input name="slope" type="checkbox">
        <span>Mistake 1: ReLU’s slope from its output, with <code>&gt;=</code></span></label>
      <label class="switch"><input name="doubling" type="checkbox">
        <span>Mistake 2: dropout doubled on the way forward only</span></label>
    </form>
    <div class="buttons">
      <button type="button" class="go">Start</button>
      <button type="button" class="batch">One batch</button>
      <button type="button" class="epoch">One epoch</button>
      <button type="button" class="reset">Reset</button>
    </div>
    <p class="status"></p>
    <p class="trouble" role="alert"></p>
    <p class="spoken" aria-live="polite"></p>
    <div class="charts">
      <div><p class="title">Squared error per image</p><svg class="error" role="img"></svg></div>
      <div><p class="title">Accuracy</p><svg class="accuracy" role="img"></svg></div>
    </div>
    <div class="runs" role="region" tabindex="0" aria-label="Runs">
      <table>
        <thead>
          <tr><th scope="col" rowspan="2">Epochs
            <th scope="colgroup" colspan="2">Squared error
            <th scope="colgroup" colspan="2">Accuracy
          <tr><th scope="col">training<th scope="col">held out
            <th scope="col">training<th scope="col">held out
      </table>
    </div>
    <div class="weights">
      <p class="title">First-layer weights</p>
      <label class="switch"><input name="change" type="checkbox" checked>
        <span>Only what training has changed, without the random start</span></label>
      <div class="pictures" role="img"></div>
      <p class="scale"><span>−<output></output></span><i></i><span>+<output></output></span></p>
    </div>`;

  const NAMES = ["error", "accuracy"];
  const EARLIER = ["green", "purple", "olive"]; // the book's colors for earlier runs
  const network = makeNetwork();
  const widget = document.querySelector(".watch-it-train");
  widget.innerHTML = MARKUP;
  const find = (selector) => widget.querySelector(selector);
  const form = find("form");

  let post; // sends a message to the trainer, once it's there
  let current; // the run on the page
  let earlier = []; // runs before it, the latest first
  let asked = null; // buttons pressed while the digits load; null: they don't
  let problem = ""; // why there's no trainer
  let place = ""; // where it works, if not where it should
  let isDrawn = true;
  let areCurvesDrawn = true;
  let lastSpoken = 0;

  /** Read the settings, or return null and let the browser say what's wrong. */
  function readSettings() {
    if (!form.reportValidity()) return null;
    const { learningRate, batchSize, hiddenSize, seed, dropout, slope, doubling } =
      form.elements;
    return {
      learningRate: Number(learningRate.value),
      batchSize: Number(batchSize.value),
      hiddenSize: Number(hiddenSize.value),
      seed: Number(seed.value),
      dropout: dropout.checked,
      mistakes: { slope: slope.checked, doubling: doubling.checked },
    };
  }

  function describe({ learningRate, batchSize, hiddenSize, seed, dropout, mistakes }) {
    const parts = [
      `learning rate ${learningRate}`,
      batchSize === 1 ? "one image a step" : `batches of ${batchSize}`,
      `${hiddenSize} units`,
      dropout ? "dropout" : "no dropout",
      `seed ${seed}`,
    ];
    if (mistakes.slope) parts.push("mistake 1");
    if (mistakes.doubling) parts.push("mistake 2");
    return parts.join(", ");
  }

  /** Make a run current that nothing has happened to. */
  function newRun(settings) {
    const { hiddenSize, seed } = settings;
    const [weights1] = network.initialWeights(network.mulberry32(seed), hiddenSize);
    const nUnits = Math.min(16, hiddenSize);
    const pictures = network.unitPictures(weights1, hiddenSize, nUnits);
    current = {
      id: (current?.id ?? 0) + 1,
      settings,
      history: [],
      epoch: 0,
      imagesSeen: 0,
      imagesPerSecond: 0,
      pictures,
      initialPictures: pictures,
      working: false,
      trouble: null,
    };
  }

  /** Start over. The run so far, if there is one, stays as a thin line. */
  function reset() {
    const settings = readSettings();
    if (!settings) return;
    if (current.epoch > 0) earlier = [current, ...earlier].slice(0, EARLIER.length);
    newRun(settings);
    problem = "";
    if (asked) asked = [];
    post?.({ kind: "begin", id: current.id, settings });
    drawAll();
  }

  /** Start over if the settings aren't those of the run. */
  function resetIfChanged() {
    const settings = readSettings();
    const isChanged = JSON.stringify(settings) !== JSON.stringify(current.settings);
    if (settings && isChanged) reset();
  }

  /** Pass on what a button asks for; the first time, fetch the digits first. */
  async function ask(kind) {
    if (current.trouble || (kind !== "pause" && !form.reportValidity())) return;
    if (current.isRecorded) reset();
    if (kind !== "pause") current.working = true; // and until the trainer has stopped
    if (asked) {
      asked.push(kind);
      return draw();
    }
    if (!post) {
      asked = [kind];
      problem = "";
      draw();
      try {
        const digits = await loadDigits();
        post = await newTrainer();
        post({ kind: "digits", digits });
        post({ kind: "begin", id: current.id, settings: current.settings });
        for (const each of asked) post({ kind: each });
      } catch (error) {
        problem = error.message;
        current.working = false;
      }
      asked = null;
    } else post({ kind });
    draw();
  }

  /** Start the trainer in a worker, or, where the browser denies that, in the page;
      return the function that sends it messages. */
  async function newTrainer() {
    const source = `
      const take = (${startTrainer})((${makeNetwork})(), postMessage);
      onmessage = ({ data }) => take(data);
      postMessage("ready");`;
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    try {
      const worker = new Worker(address); // throws in some browsers, fails later in others
      await new Promise((resolve, reject) => {
        worker.onmessage = resolve;
        worker.onerror = reject;
      });
      worker.onmessage = ({ data }) => receive(data);
      worker.onerror = ({ message }) => stop(worker, message);
      place = "";
      return (message) => worker.postMessage(message);
    } catch {
      place = "in the page’s own thread, since your browser or the site denies workers";
      return startTrainer(network, receive);
    } finally {
      URL.revokeObjectURL(address);
    }
  }

  /** Give up a worker that has failed, for example for want of memory. */
  function stop(worker, message) {
    worker.terminate();
    post = null;
    current.working = false;
    current.trouble =
      `The training stopped: ${message || "the browser doesn’t say why"}. Press Reset,` +
      " then Start, to begin anew.";
    draw();
  }

  /** Fetch and unpack the images. A script, since from disk nothing else can be read. */
  async function loadDigits() {
    if (!window.DecompressionStream) {
      throw new Error(
        "This browser is too old to train here. Use one from 2023 or later, or" +
          " run this page’s NumPy code.",
      );
    }
    const address = new URL("watch-it-train-digits.js", script.src);
    await new Promise((resolve, reject) => {
      const element = document.createElement("script");
      element.src = address;
      element.onload = resolve;
      element.onerror = () => {
        element.remove();
        reject(
          new Error(
            `The images of the digits didn’t load, from ${address}. Is the page’s` +
              " server or disk still there? Press Start to try again.",
          ),
        );
      };
      document.head.append(element);
    });
    const { training, heldOut, gzip } = window.watchItTrainDigits;
    const packed = Uint8Array.from(atob(gzip), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream();
    const unpacked = stream.pipeThrough(new DecompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(unpacked).arrayBuffer());
    const n = training + heldOut;
    const pixels = new Float64Array(n * 784);
    for (let p = 0; p < pixels.length; p++) pixels[p] = bytes[p] / 255;
    const labels = bytes.slice(n * 784);
    return {
      trainingImages: pixels.slice(0, training * 784),
      trainingLabels: labels.slice(0, training),
      heldOutImages: pixels.slice(training * 784),
      heldOutLabels: labels.slice(training),
    };
  }

  /** Take in a report of the worker, unless it's about a run that was reset. */
  function receive({ id, measured, ...news }) {
    if (id !== current.id) return;
    Object.assign(current, news, { trouble: TROUBLE[news.trouble] ?? null });
    current.history.push(...measured);
    if (measured.length) areCurvesDrawn = false;
    if (isDrawn) {
      isDrawn = false; // however many reports come in, draw once a frame
      requestAnimationFrame(draw);
    }
    speak(news);
  }

  /** Tell those who listen, not more often than they can. */
  function speak({ working, trouble }) {
    const latest = current.history.at(-1);
    const now = performance.now();
    if (!latest?.epoch || trouble || (working && now - lastSpoken < 5000)) return;
    lastSpoken = now;
    find(".spoken").textContent =
      `Epoch ${round(current.epoch, 2)}${working ? "" : ", paused"}.` +
      ` Held-out images: error ${latest.heldOut.error.toFixed(2)},` +
      ` accuracy ${percent(latest.heldOut.accuracy)}.`;
  }

  const round = (x, digits) => Number(x.toFixed(digits));
  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  const TROUBLE = {
    diverged:
      "The training diverged: each step overshot, the next one overshot further. Try a" +
      " lower learning rate, or larger batches, and press Start.",
    "all units off":
      "All hidden units are off, for every image: the steps were too large. Their" +
      " gradient is 0, so they stay off. Try a lower learning rate, or larger batches," +
      " and press Start.",
  };

  function draw() {
    isDrawn = true;
    const { working, epoch, imagesSeen, imagesPerSecond, trouble } = current;
    const label = epoch > 0 && !current.isRecorded ? "Continue" : "Start";
    find(".go").textContent = working ? "Pause" : label;
    for (const button of [find(".go"), find(".batch"), find(".epoch")])
      button.setAttribute("aria-disabled", !!trouble); // `disabled` would drop the focus
    form.elements.doubling.disabled = !form.elements.dropout.checked;
    const facts = [
      `Epoch ${epoch.toFixed(2)}`,
      `${imagesSeen.toLocaleString("en")} images seen`,
      `${Math.round(imagesPerSecond).toLocaleString("en")} images a second`,
      `${current.history.at(-1)?.unitsOff ?? 0} of ${current.settings.hiddenSize} hidden units off`,
    ];
    if (current.isRecorded) facts.splice(2, 2, "recorded when this page was built");
    if (place) facts.push(place);
    if (asked) facts.splice(0, Infinity, "Loading the images of the digits …");
    find(".status").innerHTML = facts.map((fact) => `<span>${fact}</span>`).join(" · ");
    const said = trouble ?? problem;
    if (find(".trouble").textContent !== said) find(".trouble").textContent = said;
    drawPictures();
    if (areCurvesDrawn) return;
    areCurvesDrawn = true;
    for (const name of NAMES) drawChart(find(`svg.${name}`), name);
    drawTable();
  }

  function drawAll() {
    areCurvesDrawn = false;
    draw();
  }

  /** Draw the curves of the run and of earlier ones, in the pixels that there are. */
  function drawChart(svg, name) {
    const isError = name === "error";
    const [width, height] = [svg.clientWidth, svg.clientHeight];
    const [left, right, top, bottom] = [44, 8, 8, 40];
    const runs = [current, ...earlier];
    const yEnd = isError ? 1.2 : 1; // an untrained network's error is off the chart
    const longest = Math.max(1, ...runs.map((run) => run.epoch));
    const xEnd = 20 * Math.ceil(longest / 20);
    const x = (epoch) => left + (epoch / xEnd) * (width - left - right);
    const y = (value) => height - bottom - (value / yEnd) * (height - top - bottom);

    const line = (run, whose, kind) => {
      const points = run.history
        .filter((point) => Number.isFinite(point[whose][name]))
        .map((point) => `${x(point.epoch)},${y(point[whose][name])}`);
      return `<polyline class="${kind}" points="${points.join(" ")}"/>`;
    };
    const xTicks = [0, 1, 2, 3, 4].map((part) => (part * xEnd) / 4);
    const yTicks = Array.from({ length: Math.round(5 * yEnd) + 1 }, (_, i) => i / 5);
    svg.innerHTML = `
      <clipPath id="clip-${name}"><rect x="${left}" y="${top - 2}"
        width="${width - left}" height="${height - top - bottom + 4}"/></clipPath>
      ${xTicks
        .map((tick) => `<text x="${x(tick)}" y="${height - 24}"
          text-anchor="middle">${tick}</text>`)
        .join("")}
      ${yTicks
        .map((tick) => `<line x1="${left}" x2="${width - right}"
          y1="${y(tick)}" y2="${y(tick)}"/>
          <text x="${left - 6}" y="${y(tick) + 4}" text-anchor="end">${
            isError ? tick.toFixed(1) : `${100 * tick}%`
          }</text>`)
        .join("")}
      <text x="${x(xEnd / 2)}" y="${height - 5}" text-anchor="middle">Epochs</text>
      <g clip-path="url(#clip-${name})">
        ${earlier.map((run, age) => line(run, "heldOut", EARLIER[age])).join("")}
        ${line(current, "training", "training")}
        ${line(current, "heldOut", "held-out")}
      </g>`;

    const latest = current.history.at(-1);
    const say = (value) => (isError ? value.toFixed(2) : percent(value));
    svg.setAttribute(
      "aria-label",
      `${isError ? "Squared error per image" : "Accuracy"} against epochs. ` +
        (latest
          ? `At epoch ${round(latest.epoch, 2)}: training ${say(latest.training[name])},` +
            ` held-out ${say(latest.heldOut[name])}.`
          : "No curve yet."),
    );
  }

  function drawTable() {
    const key = (color, text) => `<span><i class="${color}"></i> ${text}</span>`;
    const rows = [current, ...earlier].map((run, place) => {
      const keys = place
        ? key(EARLIER[place - 1], "earlier, held out:")
        : `${key("training", "training,")} ${key("held-out", "held out:")}`;
      const { epoch = 0, training, heldOut } = run.history.at(-1) ?? {};
      const cells = [
        round(epoch, 2),
        training?.error.toFixed(3),
        heldOut?.error.toFixed(3),
        training && percent(training.accuracy),
        heldOut && percent(heldOut.accuracy),
      ];
      return `<tbody>
        <tr><th scope="rowgroup" colspan="5">${keys} ${describe(run.settings)}
        <tr>${cells.map((cell) => `<td>${cell ?? "–"}`).join("")}</tbody>`;
    });
    widget.querySelectorAll("tbody").forEach((body) => body.remove());
    find("table").insertAdjacentHTML("beforeend", rows.join(""));
  }

  /** Draw each unit's weights: orange adds to its sum, blue takes from it. */
  function drawPictures() {
    const { epoch, initialPictures } = current;
    const isChange = find("[name=change]").checked;
    const pictures = isChange
      ? current.pictures.map((weight, w) => weight - initialPictures[w])
      : current.pictures;
    const nUnits = pictures.length / 784;
    const holder = find(".pictures");
    while (holder.children.length > nUnits) holder.lastChild.remove();
    while (holder.children.length < nUnits) {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = 28;
      holder.append(canvas);
    }
    const sizes = pictures.map(Math.abs).filter(Number.isFinite);
    const largest = Math.max(0.1, sizes.reduce((a, b) => Math.max(a, b), 0));
    [...holder.children].forEach((canvas, unit) => {
      const paper = canvas.getContext("2d");
      const image = paper.createImageData(28, 28);
      for (let p = 0; p < 784; p++) {
        const weight = pictures[unit * 784 + p];
        const color = weight > 0 ? [208, 96, 26] : [15, 131, 198]; // as in book.css
        image.data.set([...color, (255 * Math.abs(weight)) / largest], 4 * p);
      }
      paper.putImageData(image, 0, 0);
    });
    const shown = largest < 100 ? largest.toFixed(2) : largest.toExponential(0);
    widget.querySelectorAll(".scale output").forEach((end) => (end.value = shown));
    holder.setAttribute(
      "aria-label",
      `${isChange ? "What training has changed in the" : "The"} weights from the 784 pixels to ${nUnits} hidden units, a picture each, at` +
        ` epoch ${round(epoch, 2)}. Blue is negative, orange positive; full color is` +
        ` ${shown}.`,
    );
  }

  find(".go").onclick = () => ask(current.working ? "pause" : "go");
  find(".batch").onclick = () => ask("batch");
  find(".epoch").onclick = () => ask("epoch");
  find(".reset").onclick = reset;
  find("[name=change]").onchange = draw;
  form.onchange = resetIfChanged;
  form.onsubmit = (event) => {
    event.preventDefault();
    resetIfChanged();
  };

  /** Show the run that the page has trained in NumPy, with the settings at the top. */
  function showRecorded() {
    const text = document.getElementById("watch-it-train-recorded")?.textContent;
    if (!text) return;
    const { imagesSeen, history, changes } = JSON.parse(text);
    const pictures = current.initialPictures.map((weight, w) => weight + changes[w]);
    const { epoch } = history.at(-1);
    Object.assign(current, { history, epoch, imagesSeen, pictures, isRecorded: true });
  }

  newRun(readSettings());
  showRecorded();
  new ResizeObserver(drawAll).observe(find(".charts"));
  drawAll();

  // For the console, and for the tests.
  window.watchItTrain = { ...network, loadDigits, run: () => current };
})();
