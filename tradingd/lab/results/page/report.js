"use strict";
// What stands under the pointer, in words. Without it the page loses nothing else.
for (const chart of document.querySelectorAll("[data-points]")) {
  const points = JSON.parse(chart.dataset.points);
  const plot = chart.querySelector(".plot"), cursor = chart.querySelector(".cursor"), tip = chart.querySelector(".tip");
  const last = tip.textContent;
  const show = (event) => {
    const box = plot.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * 100;
    let low = 0, high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < at) low = middle + 1; else high = middle;
    }
    if (low > 0 && at - points[low - 1][0] < points[low][0] - at) low -= 1;
    cursor.setAttribute("x1", points[low][0] + "%");
    cursor.setAttribute("x2", points[low][0] + "%");
    cursor.style.visibility = "visible";
    tip.textContent = points[low][1];
  };
  plot.addEventListener("pointermove", show);
  plot.addEventListener("pointerdown", show);
  plot.addEventListener("pointerleave", () => { cursor.style.visibility = "hidden"; tip.textContent = last; });
}
