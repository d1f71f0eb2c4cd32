// Makes ../editor.js, which the pages load, and ../licenses.txt of what is in it. After a
// change to editor.js beside this file, or to the versions in package.json, with Node:
//
//     npm install --no-package-lock && npm run build
//
// All packages are named there, those that others need too, each with its version: the
// same files come out.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));

const built = await build({
  entryPoints: ["editor.js"],
  outfile: "../editor.js",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  metafile: true,
  banner: {
    js:
      "/* CodeMirror 6, and how the pages use it. Made by source/bundle.js, from" +
      " source/editor.js. Licenses: licenses.txt */",
  },
});

// A package that came in without being named here would have no fixed version.
const used = Object.keys(built.metafile.inputs)
  .map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1])
  .filter(Boolean);
const names = [...new Set(used)].sort();
const unnamed = names.filter((name) => !(name in dependencies));
if (unnamed.length) throw new Error(`name them in package.json: ${unnamed}`);

const licenses = names.map((name) => {
  const text = readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim();
  return `${name} ${dependencies[name]}\n\n${text}\n`;
});
writeFileSync("../licenses.txt", licenses.join(`\n${"-".repeat(72)}\n\n`));
