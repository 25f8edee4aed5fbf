const WIDTH = 320;
const HEIGHT = 240;

/** The camera's stream or, where that cannot be had, a drawn one. */
export async function openPicture(kind) {
  if (kind === "camera") {
    try {
      const video = { width: WIDTH, height: HEIGHT, frameRate: 15 };
      return { kind, stream: await navigator.mediaDevices.getUserMedia({ video }) };
    } catch {
      // No camera, no permission, or a page that is neither https nor localhost.
    }
  }
  return { kind: "drawn", stream: draw() };
}

/** A dot that goes round, on a colour of this tab's own. */
function draw() {
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext("2d");
  const hue = Math.floor(Math.random() * 360);
  const frame = () => {
    const now = performance.now() / 700;
    context.fillStyle = `hsl(${hue} 45% 35%)`;
    context.fillRect(0, 0, WIDTH, HEIGHT);
    context.fillStyle = `hsl(${(hue + 180) % 360} 80% 70%)`;
    context.beginPath();
    context.arc(WIDTH / 2 + 80 * Math.cos(now), HEIGHT / 2 + 80 * Math.sin(now), 18, 0, 7);
    context.fill();
  };
  frame();
  // Not by animation frames: these stop in a tab that nobody looks at.
  setInterval(frame, 66);
  return canvas.captureStream(15);
}
