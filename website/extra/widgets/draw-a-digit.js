/* The drawing board of the page "Draw a digit": plain JavaScript, no library.

   The network is the book's own. A cell of the page trains it in NumPy when the book is
   built, and leaves its layers in the page. Here they only run forward. */

(function () {
  "use strict";

  // The network ------------------------------------------------------------------
  // The layers of scratchnet/layers.py, for one image, in evaluation mode. Feature maps
  // are { channels, height, width, data }: the pixel (c, y, x) is
  // data[(c * height + y) * width + x]. A parameter is { shape, data }.

  const layers = {
    Images(pixels) {
      return { channels: 1, height: 28, width: 28, data: pixels };
    },

    Convolution(maps, { weights }) {
      const [nOutputs, nInputs, size] = weights.shape;
      const height = maps.height - size + 1;
      const width = maps.width - size + 1;
      const data = new Float32Array(nOutputs * height * width);
      for (let k = 0, at = 0; k < nOutputs; k++)
        for (let y = 0; y < height; y++)
          for (let x = 0; x < width; x++) {
            let sum = 0;
            let weight = k * nInputs * size * size;
            for (let c = 0; c < nInputs; c++)
              for (let i = 0; i < size; i++) {
                const row = ((c * maps.height) + y + i) * maps.width + x;
                for (let j = 0; j < size; j++)
                  sum += weights.data[weight++] * maps.data[row + j];
              }
            data[at++] = sum;
          }
      return { channels: nOutputs, height, width, data };
    },

    MaxPool(maps) {
      const height = maps.height >> 1;
      const width = maps.width >> 1;
      const data = new Float32Array(maps.channels * height * width);
      for (let c = 0, at = 0; c < maps.channels; c++)
        for (let y = 0; y < height; y++)
          for (let x = 0; x < width; x++) {
            const first = (c * maps.height + 2 * y) * maps.width + 2 * x;
            const second = first + maps.width;
            data[at++] = Math.max(
              maps.data[first], maps.data[first + 1],
              maps.data[second], maps.data[second + 1],
            );
          }
      return { channels: maps.channels, height, width, data };
    },

    BatchNorm(maps, { scale, shift }) { // the mean and variance are in them already
      const size = maps.height * maps.width;
      const data = maps.data.map((value, at) => {
        const c = Math.floor(at / size);
        return value * scale.data[c] + shift.data[c];
      });
      return { ...maps, data };
    },

    ReLU(maps) {
      return { ...maps, data: maps.data.map((value) => Math.max(value, 0)) };
    },

    Flatten(maps) {
      return maps.data;
    },

    Linear(x, { weights, bias }) {
      const [nInputs, nOutputs] = weights.shape;
      const sums = Float32Array.from(bias.data);
      for (let i = 0; i < nInputs; i++)
        for (let k = 0; k < nOutputs; k++)
          sums[k] += x[i] * weights.data[i * nOutputs + k];
      return sums;
    },
  };

  /* Return what each layer of the network makes of an image of 784 pixels. */
  function forward(network, pixels) {
    let x = pixels;
    return network.map(({ layer, ...parameters }) => (x = layers[layer](x, parameters)));
  }

  function softmax(logits) {
    const largest = Math.max(...logits);
    const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  }
  // End of the network -------------------------------------------------------------

  /* Decode the parameters: base64 of float32, the lowest byte first. */
  function readNetwork(text) {
    const network = JSON.parse(text);
    for (const layer of network)
      for (const parameter of Object.values(layer))
        if (parameter.base64) {
          const bytes = Uint8Array.from(atob(parameter.base64), (c) => c.charCodeAt(0));
          parameter.data = new Float32Array(bytes.buffer);
        }
    return network;
  }

  // Preprocessing ------------------------------------------------------------------
  // As the page does it in NumPy, under the same names. An image is
  // { height, width, data }, from 0, no ink, to 1.

  const FAINTEST = 0.01; // what is fainter is no ink

  function empty(height, width) {
    return { height, width, data: new Float32Array(height * width) };
  }

  /* Return the rows and columns that hold ink, or null if none do. */
  function inkBox({ height, width, data }) {
    let top = height, bottom = -1, left = width, right = -1;
    data.forEach((ink, at) => {
      if (ink > FAINTEST) {
        const y = Math.floor(at / width), x = at % width;
        top = Math.min(top, y);
        bottom = Math.max(bottom, y);
        left = Math.min(left, x);
        right = Math.max(right, x);
      }
    });
    if (bottom < 0) return null;
    return { top, left, height: bottom - top + 1, width: right - left + 1 };
  }

  /* Cut out what holds ink. */
  function crop(image) {
    const box = inkBox(image);
    const out = empty(box.height, box.width);
    for (let y = 0; y < box.height; y++) {
      const start = (box.top + y) * image.width + box.left;
      out.data.set(image.data.subarray(start, start + box.width), y * box.width);
    }
    return out;
  }

  /* Return a list of [old, new, share]: how much of a new pixel an old one covers. */
  function overlaps(nOld, nNew) {
    const shares = [];
    const step = nOld / nNew;
    for (let k = 0; k < nNew; k++)
      for (let i = Math.floor(k * step); i < Math.min(nOld, (k + 1) * step); i++) {
        const covered = Math.min(i + 1, (k + 1) * step) - Math.max(i, k * step);
        if (covered > 0) shares.push([i, k, covered / step]);
      }
    return shares;
  }

  /* Change the size: each new pixel is the mean of what it covers. */
  function resize(image, height, width) {
    const rows = empty(height, image.width);
    for (const [i, k, share] of overlaps(image.height, height))
      for (let x = 0; x < image.width; x++)
        rows.data[k * image.width + x] += share * image.data[i * image.width + x];
    const out = empty(height, width);
    for (const [i, k, share] of overlaps(image.width, width))
      for (let y = 0; y < height; y++)
        out.data[y * width + k] += share * rows.data[y * image.width + i];
    return out;
  }

  /* Make the longer side so many pixels long. */
  function scale(image, longest = 20) {
    const factor = longest / Math.max(image.height, image.width);
    const [height, width] = [image.height, image.width].map((side) =>
      Math.max(1, Math.round(side * factor)));
    return resize(image, height, width);
  }

  /* Put an image into 28 × 28 pixels, its first pixel at (top, left). */
  function place(image, top, left) {
    const out = empty(28, 28);
    for (let y = 0; y < image.height; y++)
      for (let x = 0; x < image.width; x++) {
        const [row, column] = [top + y, left + x];
        if (row >= 0 && row < 28 && column >= 0 && column < 28)
          out.data[row * 28 + column] = image.data[y * image.width + x];
      }
    return out;
  }

  /* Put an image into 28 × 28 pixels, its center of mass at the pixel (14, 14). */
  function center(image) {
    let mass = 0, row = 0, column = 0;
    image.data.forEach((ink, at) => {
      mass += ink;
      row += ink * Math.floor(at / image.width);
      column += ink * (at % image.width);
    });
    return place(image, Math.round(14 - row / mass), Math.round(14 - column / mass));
  }

  /* Return the image after each step: drawn, cropped, scaled, centered. Without ink,
     they are blank. */
  function preprocess(drawing) {
    if (!inkBox(drawing)) {
      const blank = empty(28, 28);
      return { drawn: blank, cropped: blank, scaled: blank, centered: blank };
    }
    const cropped = crop(drawing);
    const scaled = scale(cropped);
    return { drawn: resize(drawing, 28, 28), cropped, scaled, centered: center(scaled) };
  }

  // The board ----------------------------------------------------------------------
  // A drawing is a list of strokes, a stroke a list of points [x, y]; the board is from
  // 0 to 1, to the right and down.

  const PEN = 0.08; // the width of the pen, as a share of the board
  const STEP = 0.05; // how far an arrow key moves the pen; with Shift, a fifth of it
  const INK = 140; // pixels of the image that preprocessing starts from
  const EMPTY = "The board is empty. Draw a digit.";

  const EXAMPLES = [
    [[[.55, .14], [.42, .18], [.33, .31], [.3, .48], [.33, .67], [.42, .82], [.53, .86], [.65, .79], [.72, .62], [.73, .43], [.68, .26], [.6, .17], [.52, .14]]],
    [[[.4, .27], [.47, .21], [.54, .12], [.54, .12], [.53, .3], [.52, .5], [.51, .7], [.5, .88]]],
    [[[.3, .32], [.34, .2], [.45, .13], [.58, .15], [.66, .25], [.65, .38], [.56, .53], [.44, .67], [.3, .84], [.3, .84], [.43, .83], [.57, .84], [.73, .83]]],
    [[[.31, .2], [.43, .13], [.57, .14], [.66, .24], [.63, .37], [.53, .45], [.43, .47], [.43, .47], [.56, .5], [.67, .6], [.68, .73], [.59, .84], [.44, .87], [.31, .8]]],
    [[[.57, .12], [.46, .3], [.36, .46], [.27, .6], [.27, .6], [.42, .6], [.58, .59], [.75, .58]], [[.61, .4], [.6, .58], [.59, .74], [.58, .89]]],
    [[[.68, .14], [.54, .14], [.39, .15], [.39, .15], [.37, .28], [.34, .46], [.34, .46], [.46, .41], [.59, .44], [.68, .55], [.68, .7], [.59, .82], [.45, .87], [.31, .81]]],
    [[[.6, .12], [.48, .22], [.39, .37], [.34, .54], [.35, .71], [.43, .83], [.55, .86], [.65, .78], [.67, .65], [.6, .54], [.49, .52], [.39, .59], [.35, .69]]],
    [[[.28, .16], [.42, .15], [.57, .15], [.73, .14], [.73, .14], [.66, .3], [.58, .48], [.51, .66], [.45, .87]]],
    [[[.64, .22], [.54, .13], [.42, .15], [.35, .25], [.39, .37], [.51, .47], [.63, .58], [.68, .71], [.61, .83], [.48, .87], [.36, .8], [.34, .67], [.42, .56], [.54, .45], [.64, .34], [.65, .22]]],
    [[[.66, .27], [.57, .16], [.45, .15], [.36, .25], [.35, .39], [.43, .49], [.55, .48], [.64, .38], [.67, .25], [.67, .25], [.66, .44], [.63, .65], [.57, .88]]],
  ];

  /* Return a stroke with its corners rounded, as many short straight lines: curves from
     middle to middle of the lines between its points. */
  function rounded(stroke) {
    const points = [stroke[0]];
    stroke.forEach(([x, y], at) => {
      const [startX, startY] = points[points.length - 1];
      const [nextX, nextY] = stroke[at + 1] || [x, y];
      const [endX, endY] = [(x + nextX) / 2, (y + nextY) / 2];
      const length = Math.hypot(x - startX, y - startY) + Math.hypot(endX - x, endY - y);
      const n = Math.ceil(length * 50) || 1;
      for (let i = 1; i <= n; i++) {
        const t = i / n;
        const [first, second, third] = [(1 - t) ** 2, 2 * t * (1 - t), t ** 2];
        points.push([
          first * startX + second * x + third * endX,
          first * startY + second * y + third * endY,
        ]);
      }
    });
    return points;
  }

  /* Draw strokes onto a square canvas, in the color that is set. */
  function drawStrokes(context, size, strokes) {
    context.lineWidth = PEN * size;
    context.lineCap = context.lineJoin = "round";
    for (const points of strokes.map(rounded)) {
      const [startX, startY] = points[0];
      context.beginPath(); // a dot, since a line from a point to itself isn't drawn
      context.arc(startX * size, startY * size, (PEN / 2) * size, 0, 2 * Math.PI);
      context.fill();
      context.beginPath();
      for (const [x, y] of points) context.lineTo(x * size, y * size);
      context.stroke();
    }
  }

  /* Return how far a point is from the line between two others, all of them [x, y]. */
  function distance([x, y], [startX, startY], [endX, endY]) {
    const [alongX, alongY] = [endX - startX, endY - startY];
    const squared = alongX ** 2 + alongY ** 2;
    const share = squared
      ? ((x - startX) * alongX + (y - startY) * alongY) / squared : 0;
    const near = Math.min(1, Math.max(0, share));
    return Math.hypot(x - startX - near * alongX, y - startY - near * alongY);
  }

  /* Return the image of strokes: INK × INK pixels, from 0, no ink, to 1.

     It's computed, not read back from a canvas: browsers that protect their readers from
     being recognized falsify what a page reads there. */
  function inkOf(strokes) {
    const image = empty(INK, INK);
    const radius = (PEN / 2) * INK;
    const within = (from, to) => [
      Math.max(0, Math.floor(Math.min(from, to) - radius - 1)),
      Math.min(INK, Math.ceil(Math.max(from, to) + radius + 1)),
    ];
    for (const stroke of strokes) {
      const points = rounded(stroke).map((point) => point.map((at) => at * INK));
      for (let i = 1; i < points.length; i++) {
        const [start, end] = [points[i - 1], points[i]];
        const [left, right] = within(start[0], end[0]);
        const [top, bottom] = within(start[1], end[1]);
        for (let y = top; y < bottom; y++)
          for (let x = left; x < right; x++) {
            const beyond = distance([x + 0.5, y + 0.5], start, end) - radius;
            const covered = Math.min(1, Math.max(0, 0.5 - beyond)); // at its rim, in part
            const at = y * INK + x;
            image.data[at] = Math.max(image.data[at], covered);
          }
      }
    }
    return image;
  }

  const tile = document.createElement("canvas");

  /* Draw the pixels of an image as squares, the more opaque the larger they are. */
  function drawPixels(context, { height, width, data }, left, top, pixel, largest = 1) {
    const color = parseInt(context.fillStyle.slice(1), 16); // "#rrggbb"
    const picture = new ImageData(width, height);
    data.forEach((value, at) => {
      const opacity = 255 * Math.min(1, value / largest);
      picture.data.set([color >> 16, (color >> 8) & 255, color & 255, opacity], 4 * at);
    });
    tile.width = width;
    tile.height = height;
    tile.getContext("2d").putImageData(picture, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(tile, left, top, width * pixel, height * pixel);
  }

  function startBoard(root, network) {
    const find = (name) => root.querySelector(`[data-part="${name}"]`);
    const board = find("board");
    const status = find("status");
    const answer = find("answer");
    const prepared = find("prepared");
    const rows = [...find("probabilities").rows];
    const units = [...root.querySelectorAll("[data-unit]")];

    let strokes = []; // never changed in place, so that `past` can keep them
    let past = [];
    let pen = null; // where the keyboard's pen is, once an arrow key was pressed
    let drawing = null; // "keys", or the event of the pointer, while a stroke is under way
    let announcement = 0;
    let frame = 0;

    const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();

    function clean(canvas, ink) {
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.fillStyle = context.strokeStyle = color(ink);
      return context;
    }

    function showBoard() {
      const context = clean(board, "--ink");
      drawStrokes(context, board.width, strokes);
      if (pen && document.activeElement === board) {
        const [x, y] = pen.map((at) => at * board.width);
        context.strokeStyle = color("--accent");
        context.fillStyle = color("--accent");
        context.lineWidth = 5;
        context.beginPath();
        context.arc(x, y, (PEN / 2) * board.width, 0, 2 * Math.PI);
        context.stroke();
        if (drawing === "keys") context.fill();
      }
    }

    function showSteps(steps) {
      root.classList.toggle("unprepared", !prepared.checked);
      const contexts = ["drawn", "cropped", "scaled", "centered"].map((name) =>
        clean(find(name), "--ink"));
      if (!steps) return;
      const [drawn, cropped, scaled, centered] = contexts;
      const side = drawn.canvas.width;
      const pixel = side / 28;
      drawPixels(drawn, steps.drawn, 0, 0, pixel);
      const box = inkBox(steps.ink);
      const share = side / INK;
      drawn.strokeStyle = color("--accent");
      drawn.lineWidth = 2;
      drawn.strokeRect(
        box.left * share, box.top * share, box.width * share, box.height * share,
      );
      const shown = scale(steps.cropped, 56);
      drawPixels(
        cropped, shown,
        (side - shown.width * pixel / 2) / 2, (side - shown.height * pixel / 2) / 2,
        pixel / 2,
      );
      const { height, width } = steps.scaled;
      const [top, left] = [height, width].map((n) => Math.floor((28 - n) / 2) * pixel);
      drawPixels(scaled, steps.scaled, left, top, pixel);
      drawPixels(centered, steps.centered, 0, 0, pixel);
      for (const context of [scaled, centered]) {
        context.strokeStyle = color("--accent");
        context.lineWidth = 2;
      }
      centered.globalAlpha = 0.6;
      scaled.strokeRect(4 * pixel, 4 * pixel, 20 * pixel, 20 * pixel);
      const middle = 14.5 * pixel;
      centered.beginPath();
      centered.moveTo(middle, 0);
      centered.lineTo(middle, side);
      centered.moveTo(0, middle);
      centered.lineTo(side, middle);
      centered.stroke();
      centered.globalAlpha = 1;
    }

    function showProbabilities(probabilities) {
      const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
      rows.forEach((row, digit) => {
        const share = probabilities ? probabilities[digit] : 0;
        row.classList.toggle("best", digit === best);
        row.style.setProperty("--share", share);
        row.lastElementChild.textContent = probabilities ? percent(share) : "–";
      });
      answer.textContent = probabilities ? best : "?";
    }

    /* Draw the maps after each ReLU: these are the hidden activations. */
    function showUnits(outputs) {
      const maps = outputs
        ? outputs.filter((_, place) => network[place].layer === "ReLU") : [];
      units.forEach((canvas, unit) => {
        const context = clean(canvas, "--map");
        const columns = Number(canvas.dataset.columns);
        const cell = 60, gap = 6;
        const n = Number(canvas.dataset.maps);
        const largest = maps[unit] ? 0.7 * Math.max(...maps[unit].data) || 1 : 1;
        for (let c = 0; c < n; c++) {
          const left = (c % columns) * (cell + gap);
          const top = Math.floor(c / columns) * (cell + gap);
          context.globalAlpha = 0.12;
          context.fillRect(left, top, cell, cell);
          context.globalAlpha = 1;
          if (!maps[unit]) continue;
          const { height, width, data } = maps[unit];
          const map = data.subarray(c * height * width, (c + 1) * height * width);
          const image = { height, width, data: map };
          drawPixels(context, image, left, top, cell / width, largest);
        }
      });
    }

    function percent(share) {
      if (share > 0.995) return "> 99%";
      if (share < 0.005) return "< 1%";
      return `${Math.round(100 * share)}%`;
    }

    /* Compute everything anew, and show it. */
    function show() {
      frame = 0;
      showBoard();
      const ink = inkOf(strokes);
      if (!inkBox(ink)) { // no stroke, or all of them beyond the edge
        showSteps(null);
        showProbabilities(null);
        showUnits(null);
        return null;
      }
      const steps = { ink, ...preprocess(ink) };
      const seen = prepared.checked ? steps.centered : steps.drawn;
      const outputs = forward(network, seen.data);
      const probabilities = softmax(outputs[outputs.length - 1]);
      showSteps(steps);
      showProbabilities(probabilities);
      showUnits(outputs);
      return probabilities;
    }

    function showSoon() {
      if (!frame) frame = requestAnimationFrame(show);
    }

    /* Say the answer in words, once the hand rests. */
    function announceSoon() {
      clearTimeout(announcement);
      announcement = setTimeout(() => {
        const probabilities = show();
        if (!probabilities) {
          status.textContent = EMPTY;
          return;
        }
        const order = [...probabilities.keys()].sort(
          (a, b) => probabilities[b] - probabilities[a]);
        const [first, second] = order.map((digit) =>
          `${digit === 8 ? "an" : "a"} ${digit} (${percent(probabilities[digit])})`);
        status.textContent = probabilities[order[0]] < 0.7
          ? `Perhaps ${first}, perhaps ${second}.` : `That’s ${first}.`;
      }, 500);
    }

    function say(words) {
      clearTimeout(announcement);
      status.textContent = words;
    }

    function change(newStrokes) {
      past.push(strokes);
      strokes = newStrokes;
      showSoon();
      if (strokes.length) announceSoon();
      else say(EMPTY);
    }

    function begin(kind, point) {
      past.push(strokes);
      strokes = [...strokes, [point]];
      drawing = kind;
      clearTimeout(announcement);
      showSoon();
    }

    function extend(points) {
      const last = strokes[strokes.length - 1];
      strokes = [...strokes.slice(0, -1), [...last, ...points]];
      showSoon();
    }

    function end() {
      if (!drawing) return;
      drawing = null;
      showSoon();
      announceSoon();
    }

    function undo() {
      end();
      if (!past.length) return;
      strokes = past.pop();
      showSoon();
      if (strokes.length) announceSoon();
      else say(EMPTY);
    }

    function clear() {
      end();
      if (strokes.length) change([]);
      else say(EMPTY);
    }

    // Mouse, finger, pen
    function pointOf(event) {
      const box = board.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    }

    /* A stroke belongs to one pointer: while a pen draws, the hand that rests beside it
       is a pointer too. If the hand was there first, its stroke is taken back. */
    board.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      if (drawing instanceof PointerEvent) {
        if (event.pointerType !== "pen" || drawing.pointerType !== "touch") return;
        strokes = past.pop();
        drawing = null;
      }
      end();
      pen = null;
      board.setPointerCapture(event.pointerId);
      begin(event, pointOf(event));
    });
    const isDrawing = (event) => drawing?.pointerId === event.pointerId;
    board.addEventListener("pointermove", (event) => {
      if (!isDrawing(event)) return;
      if (!event.buttons) return end(); // lifted where nobody told: in a menu, a dialog
      const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      extend((events.length ? events : [event]).map(pointOf));
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
      board.addEventListener(name, (event) => {
        if (isDrawing(event)) end();
      });

    // Keyboard
    const arrows = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    };
    const held = new Set();

    function where() {
      const [x, y] = pen.map((at) => Math.round(100 * at));
      return `${x}% from the left, ${y}% from the top`;
    }

    board.addEventListener("keydown", (event) => {
      const control = event.ctrlKey || event.metaKey;
      if (control && event.key.toLowerCase() === "z") {
        undo();
      } else if (control || event.altKey) {
        return;
      } else if (event.key in arrows) {
        held.add(event.key);
        pen = pen || [0.5, 0.5];
        const step = event.shiftKey ? STEP / 5 : STEP;
        for (const key of held)
          pen = pen.map((at, axis) =>
            Math.min(1 - PEN / 2, Math.max(PEN / 2, at + step * arrows[key][axis])));
        if (drawing === "keys") extend([pen]);
        showSoon();
      } else if (event.key === " ") {
        pen = pen || [0.5, 0.5];
        if (drawing === "keys") {
          end();
          say("Pen up.");
          announceSoon();
        } else if (!event.repeat) {
          begin("keys", pen);
          say(`Pen down, ${where()}.`);
        }
      } else if (["Delete", "Backspace", "Escape"].includes(event.key)) {
        clear();
      } else {
        return;
      }
      event.preventDefault();
    });
    board.addEventListener("keyup", (event) => held.delete(event.key));
    board.addEventListener("focus", showSoon);
    board.addEventListener("blur", () => {
      held.clear();
      if (drawing === "keys") end();
      showSoon();
    });

    // Buttons
    find("undo").addEventListener("click", undo);
    find("clear").addEventListener("click", clear);
    find("halve").addEventListener("click", () => {
      const half = (at) => 0.5 + 0.5 * (at - 0.5);
      end();
      if (strokes.length) change(strokes.map((stroke) => stroke.map((p) => p.map(half))));
    });
    prepared.addEventListener("change", () => {
      showSoon();
      if (strokes.length) announceSoon();
    });
    for (const button of root.querySelectorAll("[data-example]"))
      button.addEventListener("click", () => {
        end();
        change(EXAMPLES[Number(button.dataset.example)]);
      });

    // The colors are those of the page, light or dark; on paper, light: so, at once.
    new MutationObserver(show).observe(document.documentElement, {
      attributes: true, attributeFilter: ["data-theme"],
    });
    show();
  }

  const network = readNetwork(document.getElementById("draw-a-digit-network").textContent);

  window.drawADigit = {
    /* Return the ten probabilities of an image of 784 pixels, from 0, no ink, to 1. */
    probabilities(pixels) {
      const outputs = forward(network, pixels);
      return softmax(outputs[outputs.length - 1]);
    },
    preprocess,
  };

  startBoard(document.getElementById("drawing-board"), network);
})();
