// Measures a line from a browser: goodput each way by ndt7, delay by a small echo, both at once.
//
//   const found = await measure({urls, onProgress});
//
// What counts. Down: octets as they arrive here, from the first second to the end. Up: what the test
// point says it has received, for what a browser has sent may still be in its own buffers. Delay:
// the time until a short message comes back, over a connection of its own, idle and under load.

const IDLE_MS = 1500;
const LOAD_MS = 5000;
const SKIPPED_MS = 1000; // slow start
const ECHO_EVERY_MS = 50;
const ECHO_WAIT_MS = 2000;
const OPEN_WAIT_MS = 5000;
const SIZE_MIN = 1 << 13;
const SIZE_MAX = 1 << 20;
const TIMES = 16;
const NDT7 = "net.measurementlab.ndt.v7";
const ECHO = "net.omega.echo.v1";

export class TestError extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function opened(url, protocol) {
  return new Promise((done, failed) => {
    let socket;
    try {
      socket = new WebSocket(url, protocol);
    } catch {
      failed(new TestError("no_websocket"));
      return;
    }
    socket.binaryType = "arraybuffer";
    const late = setTimeout(() => {
      socket.close();
      failed(new TestError("test_point_silent"));
    }, OPEN_WAIT_MS);
    socket.onopen = () => {
      clearTimeout(late);
      done(socket);
    };
    socket.onerror = () => {
      clearTimeout(late);
      failed(new TestError("test_point_blocked"));
    };
  });
}

export function quantile(values, share) {
  // Nearest rank, as the probe has it: the smallest value that at least this share does not exceed.
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

export function rateOf(points, fromMs, toMs) {
  // bit/s between the first point at or after one time and the last at or before another.
  const inside = points.filter(([at]) => at >= fromMs && at <= toMs);
  if (inside.length < 2) return null;
  const [firstAt, first] = inside[0];
  const [lastAt, last] = inside[inside.length - 1];
  return lastAt > firstAt ? Math.round(((last - first) * 8000) / (lastAt - firstAt)) : null;
}

class Echo {
  constructor(socket) {
    this.socket = socket;
    this.sentAt = new Map();
    this.found = []; // [when it was sent, round trip in ms]
    this.number = 0;
    this.observation = null;
    socket.onmessage = (event) => this.heard(event.data, performance.now());
  }

  heard(data, now) {
    if (typeof data !== "string") return;
    if (data.startsWith("{")) {
      this.observation = JSON.parse(data).OmegaObservation ?? this.observation;
      return;
    }
    const sentAt = this.sentAt.get(data);
    if (sentAt !== undefined) {
      this.sentAt.delete(data);
      this.found.push([sentAt, now - sentAt]);
    }
  }

  async runUntil(isOver) {
    while (!isOver() && this.socket.readyState === WebSocket.OPEN) {
      const name = String(this.number++);
      this.sentAt.set(name, performance.now());
      this.socket.send(name);
      await pause(ECHO_EVERY_MS);
    }
    const until = performance.now() + ECHO_WAIT_MS;
    while (this.sentAt.size > 0 && performance.now() < until) await pause(5);
  }

  between(fromMs, toMs) {
    return this.found.filter(([at]) => at >= fromMs && at < toMs).map(([, rtt]) => rtt);
  }
}

async function down(url, onProgress) {
  const socket = await opened(url, NDT7);
  const points = [];
  const began = performance.now();
  let octets = 0;
  let observation = null;
  const over = new Promise((done) => {
    socket.onclose = done;
    socket.onmessage = ({data}) => {
      const now = performance.now();
      if (typeof data === "string") {
        observation = JSON.parse(data).OmegaObservation ?? observation;
        return;
      }
      octets += data.byteLength;
      points.push([now - began, octets]);
      onProgress(now - began, octets);
      if (now - began >= LOAD_MS) socket.close(1000);
    };
  });
  await Promise.race([over, pause(LOAD_MS + 500)]);
  const ended = performance.now();
  socket.close(1000);
  await Promise.race([over, pause(1500)]);
  return {began, ended, octets, observation, bps: rateOf(points, SKIPPED_MS, Infinity)};
}

async function up(url, onProgress) {
  const socket = await opened(url, NDT7);
  const points = [];
  const began = performance.now();
  const content = crypto.getRandomValues(new Uint8Array(65536));
  let block = new Uint8Array(SIZE_MIN);
  block.set(content.subarray(0, SIZE_MIN));
  let sent = 0;
  let observation = null;
  const over = new Promise((done) => {
    socket.onclose = done;
    socket.onmessage = ({data}) => {
      if (typeof data !== "string") return;
      const told = JSON.parse(data);
      observation = told.OmegaObservation ?? observation;
      if (told.AppInfo) {
        points.push([told.AppInfo.ElapsedTime / 1000, told.AppInfo.NumBytes]);
        onProgress(told.AppInfo.ElapsedTime / 1000, told.AppInfo.NumBytes);
      }
    };
  });
  while (performance.now() - began < LOAD_MS + 300 && socket.readyState === WebSocket.OPEN) {
    while (socket.bufferedAmount < 7 * block.length) {
      if (block.length < SIZE_MAX && sent >= TIMES * block.length) {
        const larger = new Uint8Array(block.length * 2);
        for (let at = 0; at < larger.length; at += content.length) {
          larger.set(content.subarray(0, Math.min(content.length, larger.length - at)), at);
        }
        block = larger;
      }
      socket.send(block);
      sent += block.length;
    }
    await pause(4);
  }
  const ended = performance.now();
  socket.close(1000);
  await Promise.race([over, pause(1500)]);
  return {began, ended, octets: sent, observation, bps: rateOf(points, SKIPPED_MS, Infinity)};
}

export async function measure({urls, onProgress}) {
  const tell = (phase, share, bps) => onProgress({phase, share, bps});
  const echo = new Echo(await opened(urls.echo, ECHO));
  let isOver = false;
  const echoing = echo.runUntil(() => isOver);
  const began = performance.now();
  while (performance.now() - began < IDLE_MS) {
    tell("idle", (performance.now() - began) / IDLE_MS, null);
    await pause(100);
  }
  const quiet = performance.now();
  let loads;
  try {
    const downward = await down(urls.download, (at, octets) =>
      tell("download", Math.min(1, at / LOAD_MS), at > 0 ? (octets * 8000) / at : null));
    const upward = await up(urls.upload, (at, octets) =>
      tell("upload", Math.min(1, at / LOAD_MS), at > 0 ? (octets * 8000) / at : null));
    loads = {downward, upward};
  } finally {
    isOver = true;
    await echoing;
    echo.socket.close(1000);
  }
  await pause(100);
  const {downward, upward} = loads;
  const ms = (values, share) => {
    const found = quantile(values, share);
    return found === null ? null : Math.round(found * 1000);
  };
  const loaded = (run) => echo.between(run.began + SKIPPED_MS, run.ended);
  return {
    goodput_bps_down: downward.bps,
    goodput_bps_up: upward.bps,
    idle_rtt_us_p50: ms(echo.between(began, quiet), 0.5),
    idle_rtt_us_p95: ms(echo.between(began, quiet), 0.95),
    working_rtt_us_p95_down: ms(loaded(downward), 0.95),
    working_rtt_us_p95_up: ms(loaded(upward), 0.95),
    observations: [echo, downward, upward].map((each) => each.observation).filter(Boolean),
  };
}
