// The still: zoom with the wheel, move by dragging, a click marks a pixel. Marks and residual arrows are drawn over it.

const NS = "http://www.w3.org/2000/svg";
export const ARROW_TIMES = 8; // residuals are pixels; as long as they are, nobody would see them

function shape(name, attributes, text) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

export class Picture {
  constructor(svg, [width, height], onClick) {
    this.svg = svg;
    this.size = [width, height];
    this.box = [0, 0, width, height];
    svg.append(shape("image", { href: "/still", width, height }));
    this.layer = svg.appendChild(shape("g", {}));
    this.show();
    let down = null;
    svg.addEventListener("pointerdown", (event) => {
      down = { x: event.clientX, y: event.clientY, box: [...this.box], moved: false };
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      if (!down) return;
      const [dx, dy] = [event.clientX - down.x, event.clientY - down.y];
      if (Math.hypot(dx, dy) > 4) down.moved = true;
      if (down.moved) {
        const scale = this.scale();
        this.box = [down.box[0] - dx / scale, down.box[1] - dy / scale, down.box[2], down.box[3]];
        this.show();
      }
    });
    svg.addEventListener("pointerup", (event) => {
      if (down && !down.moved) {
        const [x, y] = this.pixel(event);
        if (x >= 0 && y >= 0 && x <= width && y <= height) onClick(x, y);
      }
      down = null;
    });
    svg.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.zoom(event.deltaY < 0 ? 0.8 : 1.25, this.pixel(event));
      },
      { passive: false },
    );
    svg.addEventListener("keydown", (event) => {
      const middle = [this.box[0] + this.box[2] / 2, this.box[1] + this.box[3] / 2];
      if (event.key === "+") this.zoom(0.8, middle);
      if (event.key === "-") this.zoom(1.25, middle);
    });
  }

  scale() {
    const { width, height } = this.svg.getBoundingClientRect();
    return Math.min(width / this.box[2], height / this.box[3]);
  }

  pixel(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return [at.x, at.y];
  }

  zoom(factor, [x, y]) {
    const width = Math.min(Math.max(this.box[2] * factor, this.size[0] / 40), this.size[0] * 1.2);
    const real = width / this.box[2];
    this.box = [x - (x - this.box[0]) * real, y - (y - this.box[1]) * real, width, this.box[3] * real];
    this.show();
    this.draw(this.marks ?? []);
  }

  show() {
    this.svg.setAttribute("viewBox", this.box.join(" "));
  }

  // marks: [{x_px, y_px, number, state: "open" | "used" | "wrong", residual: [dx, dy] | null}]
  draw(marks) {
    this.marks = marks;
    const unit = 1 / this.scale();
    this.layer.replaceChildren(
      ...marks.map(({ x_px: x, y_px: y, number, state, residual }) => {
        const group = shape("g", { class: `mark ${state}` });
        group.append(
          shape("circle", { cx: x, cy: y, r: 8 * unit }),
          shape("path", { d: `M${x - 12 * unit} ${y}h${24 * unit}M${x} ${y - 12 * unit}v${24 * unit}` }),
          shape("text", { x: x + 11 * unit, y: y - 9 * unit, "font-size": 14 * unit }, String(number)),
        );
        if (residual) {
          const times = state === "wrong" ? 1 : ARROW_TIMES; // a slip is long enough: its arrow shows where it belongs
          const [ex, ey] = [x - times * residual[0], y - times * residual[1]];
          group.append(shape("path", { class: "arrow", d: `M${x} ${y}L${ex} ${ey}` }));
          group.append(shape("circle", { class: "tip", cx: ex, cy: ey, r: 2.5 * unit }));
        }
        return group;
      }),
    );
  }
}
