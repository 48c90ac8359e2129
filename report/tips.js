/** Values under the pointer, and by arrow keys for who uses none. Areas that have some carry them as data-tip. */

/** @param told an element that screen readers read out when it changes */
export function followPointer(figure, tip, told) {
  let current = null;
  /** Where the pointer was last. Scrolling sends events, too, with the pointer at rest: those leave the keyboard's choice alone. */
  let [lastX, lastY] = [NaN, NaN];
  let byPointer = false;

  function show(area, x, y) {
    current?.classList.remove("on");
    current = area;
    area.classList.add("on");
    if (tip.textContent !== area.dataset.tip) tip.textContent = area.dataset.tip;
    tip.hidden = false;
    const { offsetWidth, offsetHeight } = tip;
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - offsetWidth - 6))}px`;
    tip.style.top = `${y + 16 + offsetHeight > innerHeight ? Math.max(4, y - offsetHeight - 12) : y + 16}px`;
  }

  function hide() {
    current?.classList.remove("on");
    current = null;
    tip.hidden = true;
  }

  figure.addEventListener("pointermove", ({ target, clientX, clientY }) => {
    if (clientX === lastX && clientY === lastY) return;
    [lastX, lastY, byPointer] = [clientX, clientY, true];
    if (target.dataset?.tip) show(target, clientX, clientY);
    else hide();
  });
  figure.addEventListener("pointerleave", () => byPointer && hide());
  figure.addEventListener("blur", hide);
  figure.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const areas = [...figure.querySelectorAll("[data-tip]")];
    const at = areas.indexOf(current);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: areas.length - 1, Enter: at }[event.key];
    if (next === undefined || areas.length === 0) return;
    event.preventDefault();
    byPointer = false;
    if (event.key === "Enter") return current?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    const area = areas[Math.max(0, Math.min(areas.length - 1, next))];
    area.scrollIntoView({ block: "nearest" });
    const box = area.getBoundingClientRect();
    show(area, box.right, box.bottom);
    told.textContent = area.dataset.tip;
  });
}
