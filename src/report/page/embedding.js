// What makes an embedding answer to the mouse. The page reads without it.
(() => {
  const { classes, pictures } = JSON.parse(document.getElementById("facts").textContent);
  const plane = document.getElementById("plane");
  const svg = plane.querySelector("svg");
  const tip = document.getElementById("tip");
  const groups = [...svg.querySelectorAll("g[data-i]")];
  const { width: fullWidth, height: fullHeight } = svg.viewBox.baseVal;
  const hidden = new Set();
  const view = { x: 0, y: 0, width: fullWidth };
  const source = (picture) => `data:image/jpeg;base64,${picture.jpeg}`;

  // Where a pointer is in the drawing, and how many of its units are a pixel.
  function at(event) {
    const box = svg.getBoundingClientRect();
    const unit = view.width / box.width;
    return { x: view.x + (event.clientX - box.left) * unit, y: view.y + (event.clientY - box.top) * unit, unit, box };
  }

  // Marks and pictures keep their size on the screen.
  function show() {
    const share = view.width / fullWidth;
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${fullHeight * share}`);
    for (const group of groups) {
      const { x, y, class: own } = pictures[group.dataset.i];
      group.classList.toggle("away", hidden.has(own));
      group.firstElementChild.setAttribute("transform", `translate(${x} ${y}) scale(${share})`);
      const image = group.querySelector("image");
      if (image) image.setAttribute("transform", `translate(${x} ${y}) scale(${share})`);
    }
  }

  function zoom(x, y, factor) {
    const width = Math.min(fullWidth, Math.max(fullWidth / 60, view.width * factor));
    const ratio = width / view.width;
    Object.assign(view, { x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio, width });
    show();
  }

  function tell(event) {
    const { x, y, unit, box } = at(event);
    let best, nearest = 14 * unit;
    pictures.forEach((picture, i) => {
      if (hidden.has(picture.class)) return;
      const distance = Math.hypot(picture.x - x, picture.y - y);
      if (distance < nearest) [best, nearest] = [i, distance];
    });
    tip.hidden = best === undefined;
    if (best === undefined) return;
    const picture = pictures[best];
    const [image, name, said, file] = tip.children;
    image.src = source(picture);
    name.textContent = classes[picture.class];
    said.textContent = picture.isWrong ? `taken for ${picture.said}` : picture.said;
    file.textContent = picture.file;
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    tip.style.left = `${left > box.width / 2 ? left - tip.offsetWidth - 14 : left + 14}px`;
    tip.style.top = `${Math.max(4, Math.min(top - 20, box.height - tip.offsetHeight - 4))}px`;
  }

  const pointers = new Map();
  svg.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, event);
    svg.setPointerCapture(event.pointerId);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    svg.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
  svg.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return tell(event);
    const [from, to] = [at(last), at(event)];
    const other = [...pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
    pointers.set(event.pointerId, event);
    if (other) {
      const still = at(other);
      const before = Math.hypot(from.x - still.x, from.y - still.y), after = Math.hypot(to.x - still.x, to.y - still.y);
      if (after > 0) zoom(still.x, still.y, before / after);
    } else {
      view.x += from.x - to.x;
      view.y += from.y - to.y;
      tip.hidden = true;
      show();
    }
  });
  svg.addEventListener("pointerleave", () => tip.hidden = true);
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { x, y } = at(event);
    zoom(x, y, Math.exp(Math.sign(event.deltaY) * 0.2));
  }, { passive: false });

  document.getElementById("whole").addEventListener("click", () => {
    Object.assign(view, { x: 0, y: 0, width: fullWidth });
    show();
  });
  document.getElementById("pictures").addEventListener("change", ({ target }) => {
    for (const group of groups) {
      const image = group.querySelector("image");
      if (!target.checked) image?.remove();
      else if (!image) {
        const added = document.createElementNS("http://www.w3.org/2000/svg", "image");
        for (const [name, value] of Object.entries({ x: -15, y: -15, width: 30, height: 30 })) {
          added.setAttribute(name, value);
        }
        added.setAttribute("href", source(pictures[group.dataset.i]));
        group.append(added);
      }
    }
    show();
  });
  for (const button of document.querySelectorAll(".key button")) {
    button.addEventListener("click", () => {
      const own = Number(button.dataset.class);
      if (!hidden.delete(own)) hidden.add(own);
      button.setAttribute("aria-pressed", String(!hidden.has(own)));
      show();
    });
  }
  document.querySelector(".tools").hidden = false;
})();
