// Makes the charts of a page answer to the mouse: draws each option object again, by the library that drew the picture,
// in the place of the picture. Plain JavaScript, since it is put into pages as it is. `echarts` is the library's global.
(() => {
  /** Texts of 22 pixels are 10 then. A narrower page scrolls the chart. */
  const SMALLEST_SCALE = 0.45;

  /** Colours of the pictures, and what they are on dark ground. */
  const dark = {
    "#ffffff": "#1d2127",
    "#20262e": "#e6e9ed",
    "#5c6570": "#a3acb6",
    "#dee2e7": "#3a414b",
    "#145294": "#6aa9e6",
    "#a8c9e8": "#3d5f80",
    "#d9772b": "#f0a15f",
    "#0b7a5b": "#3fbf99",
    "#8d3a8c": "#cf8bce",
    "#58aadc": "#c9e6f5",
    "#c82c2c": "#ff7b72",
    "#b09000": "#d9bd3a",
  };

  /** Colours of shares on dark ground, as many as on white: they leave the ground by the square root, as there. */
  const darkShades = (count) =>
    Array.from({ length: count }, (_, i) => {
      const [ground, end] = [dark["#ffffff"], dark["#145294"]];
      const channel = (colour, at) => parseInt(colour.slice(at, at + 2), 16);
      const mix = (at) => channel(ground, at) + (channel(end, at) - channel(ground, at)) * Math.sqrt(i / (count - 1));
      return `rgb(${[1, 3, 5].map((at) => Math.round(mix(at))).join()})`;
    });

  const percent = (share) => `${(100 * share).toFixed(1)} %`;

  /** What is said of what the mouse is over. */
  function tooltipOf(option, shade) {
    const series = [option.series].flat();
    const common = {
      renderMode: "richText",
      confine: true,
      backgroundColor: shade("#ffffff"),
      borderColor: shade("#dee2e7"),
      textStyle: { fontSize: 18, color: shade("#20262e") },
    };
    if (series.some(({ type }) => type === "heatmap")) {
      return {
        ...common,
        trigger: "item",
        formatter: ({ value, seriesIndex }) => {
          const axis = (axes) => [axes].flat()[series[seriesIndex].xAxisIndex ?? 0].data;
          const [column, row, share] = value;
          return `true ${axis(option.yAxis)[row]}\npredicted ${axis(option.xAxis)[column]}\n${
            percent(share)
          } of the row`;
        },
      };
    }
    return {
      ...common,
      trigger: "axis",
      valueFormatter: (value) => typeof value === "number" ? String(Number(value.toPrecision(4))) : "",
    };
  }

  /** The option as a page has it: it answers, and has the page's colours. */
  function liveOf(text) {
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const shade = (colour) => isDark ? dark[colour] ?? colour : colour;
    const option = JSON.parse(text.replaceAll(/#[0-9a-f]{6}/g, shade));
    if (isDark && option.visualMap) option.visualMap.inRange.color = darkShades(option.visualMap.inRange.color.length);
    for (const series of [option.series ?? []].flat()) {
      series.silent = false;
      if (series.type === "line") series.triggerLineEvent = false;
    }
    return { option: { ...option, tooltip: tooltipOf(option, shade) }, isDark };
  }

  /**
   * Puts a chart into a figure, as wide as there is room.
   *
   * @param figure Where.
   * @param place An element of it that the chart replaces; without one it comes first.
   * @param chart Width, height and option object.
   * @returns What puts another chart into its place.
   */
  function show(figure, place, chart) {
    const frame = document.createElement("div");
    frame.className = "live";
    const room = document.createElement("div");
    room.style.transformOrigin = "0 0";
    frame.append(room);
    if (place) place.replaceWith(frame);
    else figure.prepend(frame);
    let drawn, size;
    // The option has places in pixels: the whole is made as wide as there is room, and no smaller than can be read.
    const fit = () => {
      const { paddingLeft, paddingRight } = getComputedStyle(figure);
      const width = figure.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
      const scale = Math.min(1, Math.max(SMALLEST_SCALE, width / size.width));
      room.style.transform = `scale(${scale})`;
      frame.style.height = `${size.height * scale}px`;
      frame.style.width = `${size.width * scale}px`;
      return scale;
    };
    const update = ({ width, height, option: text }) => {
      const { option, isDark } = liveOf(JSON.stringify(text));
      const isResized = width !== size?.width || height !== size?.height;
      size = { width, height };
      figure.classList.toggle("dark", isDark);
      if (isResized) {
        room.style.width = `${width}px`;
        room.style.height = `${height}px`;
        // As many pixels as the screen has there.
        const devicePixelRatio = fit() * globalThis.devicePixelRatio;
        drawn?.dispose();
        drawn = echarts.init(room, null, { renderer: "canvas", width, height, devicePixelRatio });
      }
      drawn.setOption(option, { notMerge: true });
    };
    update(chart);
    new ResizeObserver(fit).observe(figure);
    return update;
  }
  globalThis.showChart = show;

  function draw(figure) {
    const source = document.getElementById(figure.dataset.chart);
    show(figure, figure.querySelector("img"), JSON.parse(source.textContent));
  }

  // A chart is drawn when it is about to be seen: a page may have many.
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "200px" });
  for (const figure of document.querySelectorAll("figure[data-chart]")) seen.observe(figure);
})();
