// The last validation of a run: its confusion matrix, and the pictures with the highest loss.

import { $, make } from "./elements.js";

/** Puts another matrix into the place of the one before. @type {((chart: object) => void) | undefined} */
let updateConfusion;

/** Shows a validation, as `ShownValidation` in charts.ts has it. */
export function showValidation({ epoch, step, confusion, worst }) {
  $("when").textContent = step === undefined
    ? "There is none yet, or the run is of a version that kept no picture of it."
    : `epoch ${epoch}, step ${step}`;
  $("confusion").hidden = !confusion;
  if (confusion) {
    // A matrix of each label, or of a thousand classes, takes all the room there is.
    $("confusion").classList.toggle("wide", confusion.width > 1800);
    if (updateConfusion) updateConfusion(confusion);
    else updateConfusion = globalThis.showChart($("confusion"), null, confusion);
  }
  $("worst-title").hidden = !worst?.pictures.length;
  $("worst").replaceChildren(...(worst?.pictures ?? []).map(({ file, label, predicted, probability, png }) => {
    const picture = make("img");
    picture.src = `data:image/png;base64,${png}`;
    picture.alt = `${label}, taken for ${predicted}`;
    const share = `${(100 * probability).toFixed(1)} %`;
    const texts = [
      ["", `true: ${label}`],
      [label === predicted ? "" : "bad", `${share} ${predicted}`],
      ["file", file],
    ].map(([kind, text]) => {
      const line = make("span", kind, text);
      line.title = text;
      return line;
    });
    return make("li", "", picture, ...texts);
  }));
}
